import type { InStatement, Row } from "@libsql/client";
import { DesiredState, type MediaDownload, SessionReason, SessionState, type SessionJob } from "@sandi/contracts";
import { fenceHolds, type Fence } from "./fence.ts";
import { text, textOrNull } from "./row.ts";
import type { Store } from "./store.ts";

/** A session's row, with its lease. */
export interface SessionRow {
  id: string;
  workspaceId: string;
  /** The desired state, and its revision. */
  desired: DesiredState;
  revision: number;
  /** The newest revision that changed nothing but the settings. */
  quietRevision: number;
  /** The newest revision that was applied. */
  actedRevision: number;
  state: SessionState;
  reason: SessionReason | null;
  /** The session's own number, sealed; null while no account is linked. */
  sealedPhone: string | null;
  /** The number of the account that is linked, or was linked last, sealed. */
  sealedAccount: string | null;
  /** The URL of its proxy, sealed. */
  sealedProxy: string | null;
  ownerRun: string | null;
  fence: number;
  leaseUntil: number;
  isGone: boolean;
}

/** The columns that `toSession` reads. */
export const sessionColumns = `id, workspace_id, desired, revision, quiet_revision, acted_revision, state, reason, phone, account, proxy, owner_run, fence, lease_until, gone_at`;

export async function findSession({ client }: Store, id: string): Promise<SessionRow | null> {
  const { rows } = await client.execute({ sql: `SELECT ${sessionColumns} FROM session WHERE id = ?`, args: [id] });
  return rows[0] ? toSession(rows[0]) : null;
}

/** A new desired state of a session, and its proxy. */
export type DesiredStateChange = Omit<SessionJob, "proxy"> & {
  /** Null removes the proxy; undefined keeps it. */
  sealedProxy?: string | null | undefined;
  /** Undefined keeps it. */
  mediaDownload?: MediaDownload | undefined;
};

/** Stores the desired state, unless a newer revision is stored. Returns the row. */
export async function storeDesiredState({ writer }: Store, change: DesiredStateChange, now: Date): Promise<SessionRow> {
  const at = now.getTime();
  const [, read] = await writer.write([
    {
      // After the revision before it, one with another setting changed only that.
      sql: `INSERT INTO session (id, workspace_id, desired, revision, proxy, media_download, state, reason, state_at, created_at, lease_until)
            VALUES (?, ?, ?, ?, ?, ?, 'stopped', 'created', ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET desired = excluded.desired, revision = excluded.revision,
                quiet_revision = CASE WHEN excluded.revision = session.revision + 1
                  AND excluded.media_download <> coalesce(session.media_download, 'all')
                  THEN excluded.revision ELSE session.quiet_revision END,
                media_download = coalesce(excluded.media_download, session.media_download),
                proxy = CASE WHEN ? THEN excluded.proxy ELSE session.proxy END
              WHERE excluded.revision > session.revision AND session.workspace_id = excluded.workspace_id
                AND session.gone_at IS NULL`,
      args: [
        change.sessionId,
        change.workspaceId,
        change.desired,
        change.revision,
        change.sealedProxy ?? null,
        change.mediaDownload ?? null,
        at,
        at,
        // The lease is free from now on.
        at,
        change.sealedProxy === undefined ? 0 : 1,
      ],
    },
    { sql: `SELECT ${sessionColumns} FROM session WHERE id = ?`, args: [change.sessionId] },
  ]);
  return toSession(read!.rows[0]!);
}

/** A state without a number leaves `account` as it is: the account that was linked last. */
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

/** Deletes the rest of a deleted session. Its row stays as a tombstone, so that late jobs do not create it again. */
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
    quietRevision: Number(row["quiet_revision"]),
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
