import type { InStatement } from "@libsql/client";
import type { AtRest } from "@sandi/crypto";
import { LRUCache } from "lru-cache";
import type { Services } from "../services.ts";
import type { Pseudonym } from "./pseudonyms.ts";
import { text } from "./row.ts";
import { resealOnRead, sealedColumn } from "./sealed-column.ts";
import type { Store } from "./store.ts";

/** A person's two jids. */
export interface Identity {
  lid: string;
  pn: string;
}

/**
 * Which phone number a hidden id (LID) belongs to, as WhatsApp's server said to any session of the workspace. What an
 * account's own phone claims is not stored here, but in that session's Baileys keys: a modified phone can claim anything.
 */
export interface Identities {
  learned(identities: Identity[]): Promise<void>;
  /** The phone number's jid; null when it is unknown. */
  pnOf(lid: string): Promise<string | null>;
  /** Deletes what is stored of these jids. */
  forget(jids: string[]): Promise<void>;
}

/** Opens the identities of a workspace. */
export type OpenIdentities = (workspaceId: string) => Identities;

interface Options {
  store: Store;
  pseudonym: Pseudonym;
  atRest: AtRest;
  services: Pick<Services, "now">;
}

const keptDays = 90;
/** An unknown LID is read again after this time: another connector may have stored it. */
const unknownMs = 30_000;
const knownMs = 3_600_000;
export const identityPn = sealedColumn("identity", "sealed_pn");

export function createIdentities({ store, pseudonym, atRest, services }: Options): OpenIdentities {
  const known = new LRUCache<string, string>({ max: 50_000, ttl: knownMs });
  const holders = new LRUCache<string, string>({ max: 50_000, ttl: knownMs });
  const unknown = new LRUCache<string, true>({ max: 50_000, ttl: unknownMs });
  const keep = store.writer.bulk<unknown[], void>({
    statements(rows) {
      const items = JSON.stringify(rows);
      return [
        { sql: replacedSql, args: [items] },
        { sql: keepSql, args: [items] },
      ];
    },
    results: (rows) => rows.map(() => undefined),
  });

  return (workspaceId) => {
    const nameOf = (jid: string) => `${workspaceId} ${jid}`;
    return {
      async learned(identities) {
        const unstored = identities.filter(({ lid, pn }) => known.get(nameOf(lid)) !== pn);
        await Promise.all(
          unstored.map(async ({ lid, pn }) => {
            const [name, number] = [nameOf(lid), nameOf(pn)];
            const holder = holders.get(number);
            if (holder !== undefined && holder !== name) known.delete(holder);
            known.set(name, pn);
            holders.set(number, name);
            unknown.delete(name);
            const id = pseudonym(name);
            const sealed = await identityPn.seal(atRest, pn, id);
            await keep([id, pseudonym(number), sealed, services.now().getTime()]).catch((error: unknown) => {
              known.delete(name);
              throw error;
            });
          }),
        );
      },
      async pnOf(lid) {
        const name = nameOf(lid);
        const pn = known.get(name);
        if (pn !== undefined || unknown.has(name)) return pn ?? null;
        const id = pseudonym(name);
        const read = { sql: "SELECT sealed_pn FROM identity WHERE lid = ?", args: [id] };
        const { rows } = await store.client.execute(read);
        if (rows.length === 0) {
          unknown.set(name, true);
          return null;
        }
        const sealed = text(rows[0], "sealed_pn");
        const found = await identityPn.open(atRest, sealed, id);
        if (atRest.isStale(sealed)) {
          const sql = "UPDATE identity SET sealed_pn = ? WHERE lid = ? AND sealed_pn = ?";
          const replace = (resealed: string) => ({ sql, args: [resealed, id, sealed] });
          resealOnRead(store, { column: identityPn, atRest, id, text: found, replace });
        }
        known.set(name, found);
        holders.set(nameOf(found), name);
        return found;
      },
      async forget(jids) {
        for (const name of jids.map(nameOf)) {
          const holder = holders.get(name);
          if (holder !== undefined) known.delete(holder);
          known.delete(name);
          holders.delete(name);
        }
        const names = JSON.stringify(jids.map((jid) => pseudonym(nameOf(jid))));
        const sql = `DELETE FROM identity WHERE lid IN (SELECT value FROM json_each(?))
          OR pn IN (SELECT value FROM json_each(?))`;
        await store.writer.write([{ sql, args: [names, names] }]);
      },
    };
  };
}

/** Deletes the earlier LID of a number that has a new LID now. */
const replacedSql = `
  DELETE FROM identity WHERE lid IN (SELECT old.lid FROM json_each(?) AS item
    JOIN identity AS old ON old.pn = item.value ->> 1 AND old.lid <> item.value ->> 0)`;

const keepSql = `
  INSERT INTO identity (lid, pn, sealed_pn, learned_at)
  SELECT item.value ->> 0, item.value ->> 1, item.value ->> 2, item.value ->> 3 FROM json_each(?) AS item WHERE true
  ON CONFLICT (lid) DO UPDATE SET pn = excluded.pn, sealed_pn = excluded.sealed_pn, learned_at = excluded.learned_at`;

export function sweepIdentities(now: Date): InStatement[] {
  return [{ sql: "DELETE FROM identity WHERE learned_at < ?", args: [now.getTime() - keptDays * 86_400_000] }];
}
