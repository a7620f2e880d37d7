import type { InStatement } from "@libsql/client";
import type { AtRest } from "@sandi/crypto";
import type { Pseudonym } from "./pseudonyms.ts";
import { text, textOrNull } from "./row.ts";
import { resealOnRead, sealedColumn } from "./sealed-column.ts";
import type { Store } from "./store.ts";

/** What WhatsApp said about a number, and how long it counts. */
export interface KnownNumber {
  digits: string;
  /** Null: no account. */
  jid: string | null;
  until: Date;
}

/** The known numbers of each workspace: rows are found by pseudonym, and the jids are sealed. */
export interface NumberStore {
  /** Includes expired entries. */
  find(workspaceId: string, digits: string[]): Promise<Map<string, KnownNumber>>;
  /** A "no account" does not replace a jid that still counts: the look-up started before the jid was stored. */
  store(workspaceId: string, numbers: KnownNumber[], now: Date): Promise<void>;
  /** Deletes what is known of these. Answers how many there were. */
  delete(workspaceId: string, digits: string[]): Promise<number>;
}

/** How long an expired jid is kept, for when WhatsApp does not answer. */
const oldDays = 76;

export const numberJid = sealedColumn("number", "sealed_jid");

/** Replaces only the value that was read: a newer value stays. */
const resealSql = "UPDATE number SET sealed_jid = ? WHERE id = ? AND sealed_jid = ?";

export function numberStore({ client, writer }: Store, pseudonym: Pseudonym, atRest: AtRest): NumberStore {
  const idOf = (workspaceId: string, digits: string) => pseudonym(`${workspaceId} ${digits}`);
  return {
    async find(workspaceId, digits) {
      const digitsOf = new Map(digits.map((one) => [idOf(workspaceId, one), one]));
      const sql = "SELECT id, sealed_jid, until FROM number WHERE id IN (SELECT value FROM json_each(?))";
      const { rows } = await client.execute({ sql, args: [JSON.stringify([...digitsOf.keys()])] });
      const known = rows.map(async (row): Promise<[string, KnownNumber]> => {
        const id = text(row, "id");
        const [one, sealed] = [digitsOf.get(id)!, textOrNull(row, "sealed_jid")];
        const jid = sealed === null ? null : await numberJid.open(atRest, sealed, id);
        if (sealed !== null && jid !== null && atRest.isStale(sealed)) {
          const replace = (resealed: string) => ({ sql: resealSql, args: [resealed, id, sealed] });
          resealOnRead({ writer }, { column: numberJid, atRest, id, text: jid, replace });
        }
        return [one, { digits: one, jid, until: new Date(Number(row["until"])) }];
      });
      return new Map(await Promise.all(known));
    },
    async store(workspaceId, numbers, now) {
      const rows = numbers.map(async ({ digits, jid, until }) => {
        const id = idOf(workspaceId, digits);
        const sealed = jid === null ? null : await numberJid.seal(atRest, jid, id);
        return {
          sql: `INSERT INTO number (id, sealed_jid, until) VALUES (?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET sealed_jid = excluded.sealed_jid, until = excluded.until
                WHERE excluded.sealed_jid IS NOT NULL OR number.sealed_jid IS NULL OR number.until <= ?`,
          args: [id, sealed, until.getTime(), now.getTime()],
        };
      });
      const statements = await Promise.all(rows);
      if (statements.length > 0) await writer.write(statements);
    },
    async delete(workspaceId, digits) {
      const ids = JSON.stringify(digits.map((one) => idOf(workspaceId, one)));
      const sql = "DELETE FROM number WHERE id IN (SELECT value FROM json_each(?))";
      const [deleted] = await writer.write([{ sql, args: [ids] }]);
      return deleted!.rowsAffected;
    },
  };
}

export function sweepNumbers(now: Date): InStatement[] {
  const sql = "DELETE FROM number WHERE until <= ? AND (sealed_jid IS NULL OR until <= ?)";
  return [{ sql, args: [now.getTime(), now.getTime() - oldDays * 86_400_000] }];
}
