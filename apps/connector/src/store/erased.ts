import type { InStatement } from "@libsql/client";
import { LRUCache } from "lru-cache";
import type { Pseudonym } from "./pseudonyms.ts";
import type { Store } from "./store.ts";

/** People who were erased from a workspace: what they wrote before that is not stored again. */
export interface Erased {
  /** Whether a message of that time, by or to a person with these jids, is to be ignored. */
  covers(sessionId: string, jids: string[], at: Date): Promise<boolean>;
  /** Whether one of these jids is of a person who was erased at any time. */
  knows(sessionId: string, jids: string[]): Promise<boolean>;
  /** The statements that store it. `remember` follows. */
  statements(workspaceId: string, jids: string[], before: Date): InStatement[];
  /** Makes `covers` and `knows` read what was stored. */
  remember(): void;
}

const rememberedMax = 50_000;
const ofSession = "workspace_id = (SELECT workspace_id FROM session WHERE id = ?)";

export function createErased({ client }: Pick<Store, "client">, pseudonym: Pseudonym): Erased {
  /** By session: whether anybody was erased from its workspace. Mostly nobody was, and nothing else is read. */
  const anybody = new LRUCache<string, boolean>({ max: rememberedMax });
  /** By session and jid; 0: the person was not erased. */
  const known = new LRUCache<string, number>({ max: rememberedMax });

  async function hasAny(sessionId: string): Promise<boolean> {
    const stored = anybody.get(sessionId);
    if (stored !== undefined) return stored;
    const sql = `SELECT 1 FROM erased WHERE ${ofSession} LIMIT 1`;
    const { rows } = await client.execute({ sql, args: [sessionId] });
    anybody.set(sessionId, rows.length > 0);
    return rows.length > 0;
  }

  async function beforeOf(sessionId: string, jid: string): Promise<number> {
    const name = `${sessionId} ${jid}`;
    const stored = known.get(name);
    if (stored !== undefined) return stored;
    const sql = `SELECT before FROM erased WHERE ${ofSession} AND address = ?`;
    const { rows } = await client.execute({ sql, args: [sessionId, pseudonym(jid)] });
    const before = Number(rows[0]?.["before"] ?? 0);
    known.set(name, before);
    return before;
  }

  async function latest(sessionId: string, jids: string[]): Promise<number> {
    if (!(await hasAny(sessionId))) return 0;
    return Math.max(0, ...(await Promise.all(jids.map((jid) => beforeOf(sessionId, jid)))));
  }

  return {
    covers: async (sessionId, jids, at) => at.getTime() <= (await latest(sessionId, jids)),
    knows: async (sessionId, jids) => (await latest(sessionId, jids)) > 0,
    statements: (workspaceId, jids, before) =>
      jids.map((jid) => ({
        sql: `INSERT INTO erased (workspace_id, address, before) VALUES (?, ?, ?)
              ON CONFLICT DO UPDATE SET before = max(before, excluded.before)`,
        args: [workspaceId, pseudonym(jid), before.getTime()],
      })),
    remember() {
      anybody.clear();
      known.clear();
    },
  };
}
