import { spellingsOf } from "@sandi/contracts";
import { type KeyRing, phoneHash } from "@sandi/crypto";

/**
 * The hashes of a number's other spellings; most numbers have none. They find access rules and lists of verifications that
 * were stored before numbers had a canonical spelling, which no migration can hash again. Limits and locks of then lapse
 * within a day; a contact of then counts as new until the next message.
 */
export function formerHashes(phoneKey: KeyRing, scope: string, e164: string): Promise<string[]> {
  const [, ...others] = spellingsOf(e164);
  return Promise.all(others.map((other) => phoneHash(phoneKey, scope, other)));
}
