import type { InStatement, Row } from "@libsql/client";
import { DesiredState, SessionReason, SessionState, type SessionJob } from "@sandi/contracts";
import { fenceHolds, type Fence } from "./fence.ts";
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
  /** The account that is linked, or was last, sealed as the number is. */
  sealedAccount: string | null;
  /** The proxy that it goes through, sealed. */
  sealedProxy: string | null;
  ownerRun: string | null;
  fence: number;
  leaseUntil: number;
  isGone: boolean;
}

/** Of a session's row, as `toSession` takes it. */
export const sessionColumns = `id, workspace_id, desired, revision, acted_revision, state, reason, phone, account, proxy, owner_run, fence, lease_until, gone_at`;

export async function findSession({ client }: Store, id: string): Promise<SessionRow | null> {
  const { rows } = await client.execute({ sql: `SELECT ${sessionColumns} FROM session WHERE id = ?`, args: [id] });
  return rows[0] ? toSession(rows[0]) : null;
}

/** What the operator wants of a session. */
export type Wish = Omit<SessionJob, "proxy"> & {
  /** Null: none; absent: the one that it has. */
  sealedProxy?: string | null | undefined;
};

/** Stores what the operator wants, unless a newer wish is known. Answers the row. */
export async function storeWish({ writer }: Store, wish: Wish, now: Date): Promise<SessionRow> {
  const at = now.getTime();
  const [, read] = await writer.write([
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
    { sql: `SELECT ${sessionColumns} FROM session WHERE id = ?`, args: [wish.sessionId] },
  ]);
  return toSession(read!.rows[0]!);
}

/** A state without a number does not change `account`, which names the one that was linked last. */
export interface ReportedState {
  state: SessionState;
  reason: SessionReason | null;
  sealedPhone: string | null;
  actedRevision: number;
}

export function stateStatement({ sessionId, fence }: Fence, reported: ReportedState, now: Date): InStatement {
  return {
    sql: `UPDATE session SET state = ?, reason = ?, phone = ?, account = coalesce(?, account), acted_revision = ?, state_at = ? WHERE id = ? AND fence = ?`,
    args: [
      reported.state,
      reported.reason,
      reported.sealedPhone,
      reported.sealedPhone,
      reported.actedRevision,
      now.getTime(),
      sessionId,
      fence,
    ],
  };
}

/** What is left of a deleted session without its account; the tombstone stays, so that late jobs do not revive it. */
export function removalStatements({ sessionId, fence }: Fence, now: Date): InStatement[] {
  return [
    { sql: `DELETE FROM ledger WHERE session_id = ? AND ${fenceHolds}`, args: [sessionId, sessionId, fence] },
    {
      sql: `UPDATE session SET gone_at = ?, phone = NULL, account = NULL, proxy = NULL, owner = NULL, lease_until = 0 WHERE id = ? AND fence = ?`,
      args: [now.getTime(), sessionId, fence],
    },
  ];
}

const deletedKeptDays = 90;

/** Deletes the rows that deleted sessions leave behind. */
export function sweepDeletedSessions(now: Date): InStatement[] {
  return [{ sql: "DELETE FROM session WHERE gone_at < ?", args: [now.getTime() - deletedKeptDays * 86_400_000] }];
}

export function toSession(row: Row): SessionRow {
  return {
    id: text(row, "id"),
    workspaceId: text(row, "workspace_id"),
    desired: DesiredState.parse(row["desired"]),
    revision: Number(row["revision"]),
    actedRevision: Number(row["acted_revision"]),
    state: SessionState.parse(row["state"]),
    reason: SessionReason.nullable().parse(row["reason"]),
    sealedPhone: textOrNull(row, "phone"),
    sealedAccount: textOrNull(row, "account"),
    sealedProxy: textOrNull(row, "proxy"),
    ownerRun: textOrNull(row, "owner_run"),
    fence: Number(row["fence"]),
    leaseUntil: Number(row["lease_until"]),
    isGone: row["gone_at"] !== null,
  };
}
