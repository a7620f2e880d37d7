import type { InStatement, ResultSet, Row } from "@libsql/client";
import { DesiredState, SessionReason, SessionState, type SessionJob } from "@sandi/contracts";
import { text, textOrNull } from "./row.ts";
import type { Store } from "./store.ts";

/** A session as its row tells, with the lease that holds it. */
export interface SessionRow {
  id: string;
  workspaceId: string;
  /** What the operator wants, and the revision of that wish. */
  desired: DesiredState;
  revision: number;
  /** The newest wish that the session has acted on. */
  actedRevision: number;
  state: SessionState;
  reason: SessionReason | null;
  /** The session's own number, sealed; null until an account is linked. */
  sealedPhone: string | null;
  /** The proxy that it goes through, sealed. */
  sealedProxy: string | null;
  ownerRun: string | null;
  fence: number;
  leaseUntil: number;
  isGone: boolean;
}

/** Holds while the lease that was taken with this fence has not been taken by another. */
export const fenceHolds = "EXISTS (SELECT 1 FROM session WHERE id = ? AND fence = ?)";

/** The right to write for a session; a number that rises with every owner. */
export interface Fence {
  sessionId: string;
  fence: number;
}

/** A write found that another process owns the session now. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
  constructor() {
    super("another process owns this session now");
  }
}

/** Answers a row while the fence holds; the last statement of a write that must know. */
export function fenceStatement({ sessionId, fence }: Fence): InStatement {
  return { sql: "SELECT 1 FROM session WHERE id = ? AND fence = ?", args: [sessionId, fence] };
}

/** Runs statements that are guarded by the fence; rejects with `LeaseLost` when it has fallen and nothing was written. */
export async function writeFenced({ writer }: Store, fence: Fence, statements: InStatement[]): Promise<ResultSet[]> {
  const results = await writer.write([...statements, fenceStatement(fence)]);
  if (results.at(-1)!.rows.length === 0) throw new LeaseLost();
  return results;
}

/** Of a JSON list whose entries start with session and fence: the places of those whose fence holds. */
export function heldStatement(items: string): InStatement {
  return {
    sql: `SELECT item.key AS place FROM json_each(?) AS item
          JOIN session ON session.id = item.value ->> 0 AND session.fence = item.value ->> 1`,
    args: [items],
  };
}

/** `LeaseLost` for each of so many entries whose place was not among the held ones. */
export function unlessHeld(count: number, { rows }: ResultSet): (LeaseLost | undefined)[] {
  const held = new Set(rows.map((row) => Number(row["place"])));
  return Array.from({ length: count }, (_, place) => (held.has(place) ? undefined : new LeaseLost()));
}

const columns = `id, workspace_id, desired, revision, acted_revision, state, reason, phone, proxy, owner_run, fence, lease_until, gone_at`;

export async function findSession({ client }: Store, id: string): Promise<SessionRow | null> {
  const { rows } = await client.execute({ sql: `SELECT ${columns} FROM session WHERE id = ?`, args: [id] });
  return rows[0] ? toSession(rows[0]) : null;
}

/** What the operator wants of a session. */
export type Wish = Omit<SessionJob, "proxy"> & {
  /** Null: none; absent: the one that it has. */
  sealedProxy?: string | null | undefined;
};

/** Stores what the operator wants, unless a newer wish is known. Answers the row. */
export async function storeWish(
  { writer }: Store,
  wish: Wish,
  now: Date,
): Promise<{ row: SessionRow; isNew: boolean }> {
  const at = now.getTime();
  const [written, read] = await writer.write([
    {
      sql: `INSERT INTO session (id, workspace_id, desired, revision, proxy, state, reason, state_at, created_at, lease_until)
            VALUES (?, ?, ?, ?, ?, 'stopped', 'created', ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET desired = excluded.desired, revision = excluded.revision,
                proxy = CASE WHEN ? THEN excluded.proxy ELSE session.proxy END
              WHERE excluded.revision > session.revision AND session.workspace_id = excluded.workspace_id
                AND session.gone_at IS NULL`,
      args: [
        wish.sessionId,
        wish.workspaceId,
        wish.desired,
        wish.revision,
        wish.sealedProxy ?? null,
        at,
        at,
        // Free from now on.
        at,
        wish.sealedProxy === undefined ? 0 : 1,
      ],
    },
    { sql: `SELECT ${columns} FROM session WHERE id = ?`, args: [wish.sessionId] },
  ]);
  return { row: toSession(read!.rows[0]!), isNew: written!.rowsAffected > 0 };
}

interface Acquire {
  owner: string;
  run: string;
  now: Date;
  leaseMs: number;
  /** Take what another run of this same machine holds, though its lease has not expired. */
  includeOwn: boolean;
  /** Take nothing else. */
  onlyOwn?: boolean;
  /** Only this session. */
  sessionId?: string;
  /** How long after its end another's lease is left alone, for that one's clock may be behind ours; 0. */
  marginMs?: number;
  /** Only what has been without an owner since then. */
  freeSince?: Date;
  limit: number;
}

/** Takes free and expired leases, each with a higher fence; answers the sessions that are ours from now on. */
export async function acquireLeases({ writer }: Store, acquire: Acquire): Promise<SessionRow[]> {
  const now = acquire.now.getTime();
  const [result] = await writer.write([
    {
      sql: `UPDATE session SET owner = ?, owner_run = ?, fence = max(fence + 1, ?), lease_until = ?
            WHERE id IN (SELECT id FROM session
                         WHERE gone_at IS NULL AND owner_run IS NOT ? AND (? IS NULL OR id = ?)
                           AND (owner IS NULL OR lease_until <= ? OR (? AND owner = ?)) AND (? IS NULL OR lease_until <= ?)
                           AND (? = 0 OR owner = ?)
                         ORDER BY phone IS NULL, lease_until, id LIMIT ?)
            RETURNING ${columns}`,
      args: [
        acquire.owner,
        acquire.run,
        // An old file that was put back must not hand out fences again that the edge knows.
        now,
        now + acquire.leaseMs,
        acquire.run,
        acquire.sessionId ?? null,
        acquire.sessionId ?? null,
        now - (acquire.marginMs ?? 0),
        acquire.includeOwn ? 1 : 0,
        acquire.owner,
        acquire.freeSince?.getTime() ?? null,
        acquire.freeSince?.getTime() ?? null,
        acquire.onlyOwn ? 1 : 0,
        acquire.owner,
        acquire.limit,
      ],
    },
  ]);
  return result!.rows.map(toSession);
}

/** Whether there is a session that nobody holds. */
export async function hasFreeSessions({ client }: Store): Promise<boolean> {
  const { rows } = await client.execute("SELECT 1 FROM session WHERE owner IS NULL AND gone_at IS NULL LIMIT 1");
  return rows.length > 0;
}

/** Long enough for any command on one session. */
const borrowMs = 60_000;

/** Takes the lease of a session that nobody runs, for a command; null while one does. */
export async function borrowSession(
  { writer }: Store,
  { sessionId, run, now }: { sessionId: string; run: string; now: Date },
): Promise<SessionRow | null> {
  const at = now.getTime();
  const [result] = await writer.write([
    {
      sql: `UPDATE session SET owner = 'command', owner_run = ?, fence = max(fence + 1, ?), lease_until = ?
            WHERE id = ? AND gone_at IS NULL
              AND (owner IS NULL OR lease_until <= ? OR (state IN ('stopped', 'ended') AND owner <> 'command'))
            RETURNING ${columns}`,
      args: [run, at, at + borrowMs, sessionId, at],
    },
  ]);
  return result!.rows[0] ? toSession(result!.rows[0]) : null;
}

/** Extends every lease of this run; answers what is still ours, with wishes that others stored meanwhile. */
export async function renewLeases({ writer }: Store, run: string, until: Date): Promise<SessionRow[]> {
  const [result] = await writer.write([
    {
      sql: `UPDATE session SET lease_until = ? WHERE owner_run = ? AND gone_at IS NULL RETURNING ${columns}`,
      args: [until.getTime(), run],
    },
  ]);
  return result!.rows.map(toSession);
}

/** Makes sessions free for whoever takes them next. */
export async function releaseLeases({ writer }: Store, fences: readonly Fence[], now: Date): Promise<void> {
  await writer.write(
    fences.map(({ sessionId, fence }) => ({
      sql: `UPDATE session SET owner = NULL, owner_run = NULL, lease_until = ? WHERE id = ? AND fence = ?`,
      args: [now.getTime(), sessionId, fence],
    })),
  );
}

export interface ReportedState {
  state: SessionState;
  reason: SessionReason | null;
  sealedPhone: string | null;
  actedRevision: number;
}

export function stateStatement({ sessionId, fence }: Fence, reported: ReportedState, now: Date): InStatement {
  return {
    sql: `UPDATE session SET state = ?, reason = ?, phone = ?, acted_revision = ?, state_at = ? WHERE id = ? AND fence = ?`,
    args: [
      reported.state,
      reported.reason,
      reported.sealedPhone,
      reported.actedRevision,
      now.getTime(),
      sessionId,
      fence,
    ],
  };
}

/** Everything of a deleted session but the tombstone, which keeps late jobs from reviving it. */
export function removalStatements({ sessionId, fence }: Fence, now: Date): InStatement[] {
  return [
    { sql: `DELETE FROM credential WHERE session_id = ? AND ${fenceHolds}`, args: [sessionId, sessionId, fence] },
    { sql: `DELETE FROM ledger WHERE session_id = ? AND ${fenceHolds}`, args: [sessionId, sessionId, fence] },
    { sql: `DELETE FROM received WHERE session_id = ? AND ${fenceHolds}`, args: [sessionId, sessionId, fence] },
    {
      sql: `UPDATE session SET gone_at = ?, phone = NULL, proxy = NULL, owner = NULL, lease_until = 0 WHERE id = ? AND fence = ?`,
      args: [now.getTime(), sessionId, fence],
    },
  ];
}

function toSession(row: Row): SessionRow {
  return {
    id: text(row, "id"),
    workspaceId: text(row, "workspace_id"),
    desired: DesiredState.parse(row["desired"]),
    revision: Number(row["revision"]),
    actedRevision: Number(row["acted_revision"]),
    state: SessionState.parse(row["state"]),
    reason: SessionReason.nullable().parse(row["reason"]),
    sealedPhone: textOrNull(row, "phone"),
    sealedProxy: textOrNull(row, "proxy"),
    ownerRun: textOrNull(row, "owner_run"),
    fence: Number(row["fence"]),
    leaseUntil: Number(row["lease_until"]),
    isGone: row["gone_at"] !== null,
  };
}
