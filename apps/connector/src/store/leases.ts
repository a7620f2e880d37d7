import type { Fence } from "./fence.ts";
import { sessionColumns, type SessionRow, toSession } from "./sessions.ts";
import type { Store } from "./store.ts";

interface Acquire {
  owner: string;
  run: string;
  now: Date;
  leaseMs: number;
  /** Also leases of another run of this machine, before they expire. */
  includeOwn: boolean;
  /** Only leases of this machine. */
  onlyOwn?: boolean;
  /** Only this session. */
  sessionId?: string;
  /** An expired lease of another is left alone for this time, because its clock may be behind ours; default 0. */
  marginMs?: number;
  /** Only leases that have been free since then. */
  freeSince?: Date;
  limit: number;
}

/** Acquires free and expired leases, each with a higher fence. Returns the acquired sessions. */
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
            RETURNING ${sessionColumns}`,
      args: [
        acquire.owner,
        acquire.run,
        // A restored backup must not reuse fences that the edge knows.
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

/** Whether there is a session without an owner. */
export async function hasFreeSessions({ client }: Store): Promise<boolean> {
  const { rows } = await client.execute("SELECT 1 FROM session WHERE owner IS NULL AND gone_at IS NULL LIMIT 1");
  return rows.length > 0;
}

/** Long enough for any command on one session. */
const borrowMs = 60_000;

/** Acquires the lease of a session that no connector runs, for a command; null while a connector runs it. */
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
            RETURNING ${sessionColumns}`,
      args: [run, at, at + borrowMs, sessionId, at],
    },
  ]);
  return result!.rows[0] ? toSession(result!.rows[0]) : null;
}

/** Extends every lease of this run. Returns the sessions that it still holds, with their newest desired state. */
export async function renewLeases({ writer }: Store, run: string, until: Date): Promise<SessionRow[]> {
  const [result] = await writer.write([
    {
      sql: `UPDATE session SET lease_until = ? WHERE owner_run = ? AND gone_at IS NULL RETURNING ${sessionColumns}`,
      args: [until.getTime(), run],
    },
  ]);
  return result!.rows.map(toSession);
}

/** Releases leases, so that any connector can acquire them. */
export async function releaseLeases({ writer }: Store, fences: readonly Fence[], now: Date): Promise<void> {
  await writer.write(
    fences.map(({ sessionId, fence }) => ({
      sql: `UPDATE session SET owner = NULL, owner_run = NULL, lease_until = ? WHERE id = ? AND fence = ?`,
      args: [now.getTime(), sessionId, fence],
    })),
  );
}
