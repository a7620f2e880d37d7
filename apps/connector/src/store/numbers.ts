import type { InStatement } from "@libsql/client";
import type { AtRest } from "@sandi/crypto";
import type { Pseudonym } from "./pseudonyms.ts";
import { text, textOrNull } from "./row.ts";
import type { Store } from "./store.ts";

/** What WhatsApp said about a number, and until when that is believed. */
export interface KnownNumber {
  digits: string;
  /** Null: no account. */
  jid: string | null;
  until: Date;
}

/** What each workspace knows of numbers, at rest: found by their pseudonym, their jids sealed. */
export interface NumberStore {
  find(workspaceId: string, digits: string[], now: Date): Promise<Map<string, KnownNumber>>;
  store(workspaceId: string, numbers: KnownNumber[]): Promise<void>;
}

const context = (id: string) => ({ table: "number", column: "sealed_jid", id });
const decoder = new TextDecoder();
const encoder = new TextEncoder();

export function numberStore({ client, writer }: Store, pseudonym: Pseudonym, atRest: AtRest): NumberStore {
  const idOf = (workspaceId: string, digits: string) => pseudonym(`${workspaceId} ${digits}`);
  return {
    async find(workspaceId, digits, now) {
      const stale: InStatement[] = [];
      const digitsOf = new Map(digits.map((one) => [idOf(workspaceId, one), one]));
      const sql = "SELECT id, sealed_jid, until FROM number WHERE id IN (SELECT value FROM json_each(?)) AND until > ?";
      const { rows } = await client.execute({ sql, args: [JSON.stringify([...digitsOf.keys()]), now.getTime()] });
      const known = rows.map(async (row): Promise<[string, KnownNumber]> => {
        const id = text(row, "id");
        const [one, sealed] = [digitsOf.get(id)!, textOrNull(row, "sealed_jid")];
        const jid = sealed === null ? null : decoder.decode(await atRest.open(sealed, context(id)));
        if (sealed !== null && jid !== null && atRest.isStale(sealed)) {
          const anew = await atRest.seal(encoder.encode(jid), context(id));
          stale.push({
            sql: "UPDATE number SET sealed_jid = ? WHERE id = ? AND sealed_jid = ?",
            args: [anew, id, sealed],
          });
        }
        return [one, { digits: one, jid, until: new Date(Number(row["until"])) }];
      });
      const found = new Map(await Promise.all(known));
      // Not awaited, and no harm when it fails: the next read does it.
      if (stale.length > 0) writer.write(stale).catch(() => undefined);
      return found;
    },
    async store(workspaceId, numbers) {
      const rows = numbers.map(async ({ digits, jid, until }) => {
        const id = idOf(workspaceId, digits);
        const sealed = jid === null ? null : await atRest.seal(encoder.encode(jid), context(id));
        return {
          sql: `INSERT INTO number (id, sealed_jid, until) VALUES (?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET sealed_jid = excluded.sealed_jid, until = excluded.until`,
          args: [id, sealed, until.getTime()],
        };
      });
      await writer.write(await Promise.all(rows));
    },
  };
}
