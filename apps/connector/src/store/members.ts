import type { Row } from "@libsql/client";
import { text, textOrNull } from "./row.ts";
import type { Store } from "./store.ts";

/** A connector that shares this database, as it last announced itself. */
export interface Member {
  run: string;
  /** Its address for the other connectors, sealed (fleet/addresses.ts). */
  url: string;
  /** How many sessions it holds at most. */
  capacity: number;
  /** It acquires no more leases. */
  isDraining: boolean;
}

/** The running connectors, each with the number of its sessions, and the number of all sessions. */
export interface Fleet {
  members: (Member & { held: number })[];
  sessions: number;
}

/** Announces a connector until `until`. Deletes earlier runs of this machine, and members that expired long ago. */
export async function announceMember(
  { writer }: Store,
  { owner, kids, ...member }: Member & { owner: string; kids: string[] },
  { until, forgetBefore }: { until: Date; forgetBefore: Date },
): Promise<void> {
  const runsOfOwner = `${owner}.`;
  await writer.write([
    {
      sql: "DELETE FROM member WHERE expires_at < ? OR (run <> ? AND substr(run, 1, length(?)) = ?)",
      args: [forgetBefore.getTime(), member.run, runsOfOwner, runsOfOwner],
    },
    {
      sql: `INSERT INTO member (run, url, capacity, is_draining, kids, expires_at) VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (run) DO UPDATE SET url = excluded.url, is_draining = excluded.is_draining,
              kids = excluded.kids, expires_at = excluded.expires_at`,
      args: [member.run, member.url, member.capacity, member.isDraining ? 1 : 0, kids.join(","), until.getTime()],
    },
  ]);
}

/** Deletes a connector that has released its leases. */
export async function forgetMember({ writer }: Store, run: string): Promise<void> {
  await writer.write([{ sql: "DELETE FROM member WHERE run = ?", args: [run] }]);
}

export async function findFleet({ client }: Store, now: Date): Promise<Fleet> {
  const [{ rows }, all] = await Promise.all([
    client.execute({
      sql: `SELECT run, url, capacity, is_draining,
              (SELECT count(*) FROM session WHERE owner_run = member.run AND gone_at IS NULL) AS held
            FROM member WHERE expires_at > ? ORDER BY run`,
      args: [now.getTime()],
    }),
    client.execute("SELECT count(*) AS sessions FROM session WHERE gone_at IS NULL"),
  ]);
  return { members: rows.map(toMember), sessions: Number(all.rows[0]?.["sessions"] ?? 0) };
}

/** The connector that holds a session, with its address while it is running. */
export interface Owner {
  run: string;
  url: string | null;
}

export async function findOwner({ client }: Store, sessionId: string, now: Date): Promise<Owner | null> {
  const { rows } = await client.execute({
    sql: `SELECT session.owner_run AS run, member.url AS url FROM session
          LEFT JOIN member ON member.run = session.owner_run AND member.expires_at > ?
          WHERE session.id = ? AND session.owner_run IS NOT NULL AND session.lease_until > ? AND session.gone_at IS NULL`,
    args: [now.getTime(), sessionId, now.getTime()],
  });
  return rows[0] ? { run: text(rows[0], "run"), url: textOrNull(rows[0], "url") } : null;
}

function toMember(row: Row): Fleet["members"][number] {
  return {
    run: text(row, "run"),
    url: text(row, "url"),
    capacity: Number(row["capacity"]),
    isDraining: row["is_draining"] === 1,
    held: Number(row["held"]),
  };
}
