import type { InStatement } from "@libsql/client";
import type { AtRest } from "@sandi/crypto";
import { fenceHolds, type Fence, writeFenced } from "./sessions.ts";
import type { Store } from "./store.ts";

/** One value of a session's WhatsApp login or Signal state; null deletes it. */
export interface CredentialChange {
  kind: string;
  id: string;
  value: string | null;
}

/** A session's credentials: sealed, written in the order of the calls, and only while the lease is ours. */
export interface Credentials {
  read(kind: string, ids: readonly string[]): Promise<Map<string, string>>;
  /** Stores all of them or none; rejects with `LeaseLost` when another process owns the session. */
  write(changes: CredentialChange[]): Promise<void>;
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();

export function openCredentials(store: Store, atRest: AtRest, { sessionId, fence }: Fence): Credentials {
  /** Sealing takes turns of the event loop; this keeps a later snapshot from overtaking an earlier one. */
  let turn: Promise<unknown> = Promise.resolve();

  const context = (kind: string, id: string) => ({ table: "credential", column: kind, id });

  return {
    async read(kind, ids) {
      const { rows } = await store.client.execute({
        sql: `SELECT key_id, sealed FROM credential
              WHERE session_id = ? AND kind = ? AND key_id IN (SELECT value FROM json_each(?))`,
        args: [sessionId, kind, JSON.stringify(ids)],
      });
      const opened = rows.map(async (row): Promise<[string, string]> => {
        const id = String(row["key_id"]);
        return [id, decoder.decode(await atRest.open(String(row["sealed"]), context(kind, id)))];
      });
      return new Map(await Promise.all(opened));
    },
    async write(changes) {
      if (changes.length === 0) return;
      const sealing = Promise.all(
        changes.map(async ({ kind, id, value }) => [
          kind,
          id,
          value === null ? null : await atRest.seal(encoder.encode(value), context(kind, id)),
        ]),
      );
      const before = turn;
      const written = (async () => {
        const rows = await sealing;
        await before;
        return { done: writeFenced(store, { sessionId, fence }, writeStatements({ sessionId, fence }, rows)) };
      })();
      turn = written.catch(() => undefined);
      await (await written).done;
    },
  };
}

function writeStatements({ sessionId, fence }: Fence, rows: (string | null)[][]): InStatement[] {
  const changes = JSON.stringify(rows);
  const statements: InStatement[] = [
    {
      sql: `INSERT INTO credential (session_id, kind, key_id, sealed)
            SELECT ?, value ->> 0, value ->> 1, value ->> 2 FROM json_each(?) WHERE value ->> 2 IS NOT NULL AND ${fenceHolds}
            ON CONFLICT (session_id, kind, key_id) DO UPDATE SET sealed = excluded.sealed`,
      args: [sessionId, changes, sessionId, fence],
    },
  ];
  if (rows.every(([, , sealed]) => sealed !== null)) return statements;
  statements.push({
    sql: `DELETE FROM credential WHERE session_id = ? AND (kind, key_id) IN
            (SELECT value ->> 0, value ->> 1 FROM json_each(?) WHERE value ->> 2 IS NULL) AND ${fenceHolds}`,
    args: [sessionId, changes, sessionId, fence],
  });
  return statements;
}

/** Forgets everything of a session's login, if it is still ours. */
export function forgetStatement({ sessionId, fence }: Fence): InStatement {
  return { sql: `DELETE FROM credential WHERE session_id = ? AND ${fenceHolds}`, args: [sessionId, sessionId, fence] };
}
