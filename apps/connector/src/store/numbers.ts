import { textOrNull } from "./row.ts";
import type { Store } from "./store.ts";

/** What WhatsApp said about a number, and until when that is believed. */
export interface KnownNumber {
  digits: string;
  /** Null: no account. */
  jid: string | null;
  until: Date;
}

export async function findNumber({ client }: Store, digits: string, now: Date): Promise<KnownNumber | null> {
  const sql = "SELECT jid, until FROM number WHERE digits = ? AND until > ?";
  const { rows } = await client.execute({ sql, args: [digits, now.getTime()] });
  const row = rows[0];
  if (!row) return null;
  return { digits, jid: textOrNull(row, "jid"), until: new Date(Number(row["until"])) };
}

export async function storeNumbers({ writer }: Store, numbers: KnownNumber[]): Promise<void> {
  await writer.write(
    numbers.map(({ digits, jid, until }) => ({
      sql: `INSERT INTO number (digits, jid, until) VALUES (?, ?, ?)
            ON CONFLICT (digits) DO UPDATE SET jid = excluded.jid, until = excluded.until`,
      args: [digits, jid, until.getTime()],
    })),
  );
}

export async function findSetting({ client }: Store, name: string): Promise<string | null> {
  const { rows } = await client.execute({ sql: "SELECT value FROM setting WHERE name = ?", args: [name] });
  return textOrNull(rows[0], "value");
}

export async function storeSetting({ writer }: Store, name: string, value: string): Promise<void> {
  const sql = "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
  await writer.write([{ sql, args: [name, value] }]);
}
