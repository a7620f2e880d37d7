import type { AtRest } from "@sandi/crypto";
import type { InStatement } from "@libsql/client";
import { fenceHolds, type Fence, heldStatement, unlessHeld } from "./fence.ts";
import type { Pseudonym } from "./pseudonyms.ts";
import { text } from "./row.ts";
import { resealOnRead, type SealedColumn, sealedColumn } from "./sealed-column.ts";
import type { Store } from "./store.ts";

/** One value of a session's WhatsApp login or Signal state; null deletes it. */
export interface CredentialChange {
  kind: string;
  id: string;
  value: string | null;
}

/** A session's credentials: sealed, written in the order of the calls, and only while this process holds the lease. */
export interface Credentials {
  read(kind: string, ids: readonly string[]): Promise<Map<string, string>>;
  /** Stores all of them or none; rejects with `LeaseLost` when another process owns the session. */
  write(changes: CredentialChange[]): Promise<void>;
}

/** Opens the credentials of a session. Writes of several sessions in one turn of the event loop share a transaction. */
export type OpenCredentials = (fence: Fence, atRest: AtRest) => Credentials;

interface Sealed {
  fence: Fence;
  rows: [kind: string, id: string, sealed: string | null][];
}

/** A contact's privacy token, and when we issued ours to the contact. */
const tokenKind = "tctoken";
/** WhatsApp accepts a token for four weeks at most. */
const tokenDays = 28;
/** Values of one kind. The id is the pseudonym `key_id`, because Signal's own ids hold phone numbers. */
export const credentialOf = (kind: string): SealedColumn => sealedColumn("credential", kind);

export function credentialStore(store: Store, pseudonym: Pseudonym): OpenCredentials {
  const write = store.writer.bulk<Sealed, void>({
    statements(all) {
      const fences = JSON.stringify(all.map(({ fence }) => [fence.sessionId, fence.fence]));
      // The last of several values for one key is stored.
      const latest = new Map<string, unknown[]>();
      for (const { fence, rows } of all) {
        for (const [kind, id, sealed] of rows) {
          latest.set(`${fence.sessionId} ${fence.fence} ${kind} ${id}`, [
            fence.sessionId,
            fence.fence,
            kind,
            id,
            sealed,
          ]);
        }
      }
      const kept = [...latest.values()].filter((row) => row[4] !== null);
      const dropped = [...latest.values()].filter((row) => row[4] === null);
      return [
        heldStatement(fences),
        ...(kept.length > 0 ? [{ sql: keepSql, args: [JSON.stringify(kept)] }] : []),
        ...(dropped.length > 0 ? [{ sql: dropSql, args: [JSON.stringify(dropped)] }] : []),
      ];
    },
    results: (all, [held]) => unlessHeld(all.length, held!),
  });

  return (fence, atRest) => {
    const { sessionId } = fence;
    /** Sealing is asynchronous. This chain keeps a later value from being stored before an earlier one. */
    let turn: Promise<unknown> = Promise.resolve();
    return {
      async read(kind, ids) {
        const idOf = new Map(ids.map((id) => [pseudonym(id), id]));
        const { rows } = await store.client.execute({
          sql: `SELECT key_id, sealed FROM credential
                WHERE session_id = ? AND kind = ? AND key_id IN (SELECT value FROM json_each(?))`,
          args: [sessionId, kind, JSON.stringify([...idOf.keys()])],
        });
        const opened = rows.map(async (row): Promise<[string, string]> => {
          const [keyId, sealed] = [text(row, "key_id"), text(row, "sealed")];
          const id = idOf.get(keyId)!;
          const { plaintext, isStale } = await openValue(atRest, { kind, keyId, id, sealed });
          if (isStale) {
            const replace = (resealed: string) => ({
              sql: resealSql,
              args: [resealed, sessionId, kind, keyId, sealed, sessionId, fence.fence],
            });
            resealOnRead(store, { column: credentialOf(kind), atRest, id: keyId, text: plaintext, replace });
          }
          return [id, plaintext.slice(plaintext.indexOf("\n") + 1)];
        });
        return new Map(await Promise.all(opened));
      },
      async write(changes) {
        if (changes.length === 0) return;
        const sealing = Promise.all(
          changes.map(async ({ kind, id, value }): Promise<Sealed["rows"][number]> => {
            if (value === null) return [kind, pseudonym(id), null];
            return sealCredential(atRest, pseudonym, { kind, id, value });
          }),
        );
        const before = turn;
        const enqueued = (async () => {
          const rows = await sealing;
          await before;
          return { written: write({ fence, rows }) };
        })();
        turn = enqueued.catch(() => undefined);
        await (
          await enqueued
        ).written;
      },
    };
  };
}

/** Seals the id with the value, because the row has only its pseudonym. So a value can be resealed and exported alone. */
async function sealCredential(
  atRest: AtRest,
  pseudonym: Pseudonym,
  { kind, id, value }: { kind: string; id: string; value: string },
): Promise<[kind: string, keyId: string, sealed: string]> {
  const keyId = pseudonym(id);
  return [kind, keyId, await credentialOf(kind).seal(atRest, `${id}\n${value}`, keyId)];
}

async function openValue(
  atRest: AtRest,
  { kind, keyId, id, sealed }: { kind: string; keyId: string; id: string; sealed: string },
): Promise<{ plaintext: string; isStale: boolean }> {
  try {
    const plaintext = await credentialOf(kind).open(atRest, sealed, keyId);
    return { plaintext, isStale: atRest.isStale(sealed) };
  } catch {
    // Rows written before the id was sealed with the value hold the value alone.
    const value = await credentialOf(kind).open(atRest, sealed, id);
    return { plaintext: `${id}\n${value}`, isStale: true };
  }
}

/** Replaces only the value that was read: a newer value stays. */
const resealSql = `
  UPDATE credential SET sealed = ? WHERE session_id = ? AND kind = ? AND key_id = ? AND sealed = ? AND ${fenceHolds}`;

const keepSql = `
  INSERT INTO credential (session_id, kind, key_id, sealed, written_at)
  SELECT session.id, item.value ->> 2, item.value ->> 3, item.value ->> 4,
    CASE WHEN item.value ->> 2 = '${tokenKind}' THEN unixepoch() * 1000 END
  FROM json_each(?) AS item JOIN session ON session.id = item.value ->> 0 AND session.fence = item.value ->> 1
  WHERE true
  ON CONFLICT (session_id, kind, key_id) DO UPDATE SET sealed = excluded.sealed, written_at = excluded.written_at`;

const dropSql = `
  DELETE FROM credential WHERE (session_id, kind, key_id) IN
    (SELECT session.id, item.value ->> 2, item.value ->> 3 FROM json_each(?) AS item
     JOIN session ON session.id = item.value ->> 0 AND session.fence = item.value ->> 1)`;

/** All credentials of a session: kind, id and value. Rejects when one of the values does not open. */
export async function readAll(
  { client }: Store,
  sessionId: string,
  atRest: AtRest,
): Promise<[kind: string, id: string, value: string][]> {
  const sql = "SELECT kind, key_id, sealed FROM credential WHERE session_id = ?";
  const { rows } = await client.execute({ sql, args: [sessionId] });
  return Promise.all(
    rows.map(async (row): Promise<[string, string, string]> => {
      const kind = text(row, "kind");
      const plaintext = await credentialOf(kind).open(atRest, text(row, "sealed"), text(row, "key_id"));
      const end = plaintext.indexOf("\n");
      return [kind, plaintext.slice(0, end), plaintext.slice(end + 1)];
    }),
  );
}

/** Stores all of them, if this process holds the session. */
export async function importStatement(
  { sessionId, fence }: Fence,
  how: { values: [kind: string, id: string, value: string][]; atRest: AtRest; pseudonym: Pseudonym },
): Promise<InStatement> {
  const sealed = how.values.map(([kind, id, value]) => sealCredential(how.atRest, how.pseudonym, { kind, id, value }));
  const rows = (await Promise.all(sealed)).map(([kind, keyId, value]) => [sessionId, fence, kind, keyId, value]);
  return { sql: keepSql, args: [JSON.stringify(rows)] };
}

/** Deletes privacy tokens that WhatsApp no longer takes. */
export function sweepPrivacyTokens(now: Date): InStatement[] {
  return [{ sql: "DELETE FROM credential WHERE written_at < ?", args: [now.getTime() - tokenDays * 86_400_000] }];
}
