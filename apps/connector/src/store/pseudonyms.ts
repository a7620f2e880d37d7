import { createHmac, createSecretKey } from "node:crypto";
import type { AtRest, Random } from "@sandi/crypto";
import { LRUCache } from "lru-cache";
import { sealedColumn } from "./sealed-column.ts";
import { settle, storeSetting } from "./settings.ts";
import type { Store } from "./store.ts";

/** Replaces a number or a jid where the database has to find it again but must not know it. */
export type Pseudonym = (text: string) => string;

const setting = "pseudonym_key";
export const settingValue = sealedColumn("setting", "value");
const context = settingValue.context(setting);

/**
 * The pseudonyms of a database: an HMAC under a key that is stored sealed in the database. So pseudonyms stay the same
 * when `STORE_KEYS` change. Rejects when that key does not open.
 */
export async function openPseudonyms(store: Store, atRest: AtRest, random: Random): Promise<Pseudonym> {
  const sealed = await settle(store, setting, await atRest.seal(random(32), context));
  const bytes = await atRest.open(sealed, context);
  if (atRest.isStale(sealed)) await storeSetting(store, setting, await atRest.seal(bytes, context));
  const key = createSecretKey(bytes);
  // One message needs the same few pseudonyms about eight times.
  const known = new LRUCache<string, string>({ max: 20_000 });
  return (text) => {
    let pseudonym = known.get(text);
    if (pseudonym === undefined) {
      pseudonym = createHmac("sha256", key).update(text).digest().toString("base64url", 0, 16);
      known.set(text, pseudonym);
    }
    return pseudonym;
  };
}
