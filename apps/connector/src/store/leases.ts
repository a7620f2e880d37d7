import type { Fence } from "./fence.ts";
import { sessionColumns, type SessionRow, toSession } from "./sessions.ts";
import type { Store } from "./store.ts";

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
            RETURNING ${sessionColumns}`,
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
            RETURNING ${sessionColumns}`,
      args: [run, at, at + borrowMs, sessionId, at],
    },
  ]);
  return result!.rows[0] ? toSession(result!.rows[0]) : null;
}

/** Extends every lease of this run; answers what is still ours, with wishes that others stored meanwhile. */
export async function renewLeases({ writer }: Store, run: string, until: Date): Promise<SessionRow[]> {
  const [result] = await writer.write([
    {
      sql: `UPDATE session SET lease_until = ? WHERE owner_run = ? AND gone_at IS NULL RETURNING ${sessionColumns}`,
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
