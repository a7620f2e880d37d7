import { spellingsOf } from "@sandi/contracts";
import { type KeyRing, phoneHash } from "@sandi/crypto";

/**
 * The hashes of a number's other spellings; most numbers have none. Access rules and verifications that were stored before
 * numbers had a canonical spelling have these hashes, and no migration can compute new ones. Limits and locks are not
 * looked up by them: they end within a day. A contact stored under such a hash counts as new until the next message.
 */
export function formerHashes(phoneKey: KeyRing, scope: string, e164: string): Promise<string[]> {
  const [, ...others] = spellingsOf(e164);
  return Promise.all(others.map((other) => phoneHash(phoneKey, scope, other)));
}
