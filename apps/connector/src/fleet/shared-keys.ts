import type { KeyRing } from "@sandi/crypto";
import type { KeysOfMember } from "../store/member-keys.ts";

/** The keys of STORE_KEYS. What is sealed is sealed under the first of them that every connector of the database has. */
export interface SharedKeys extends KeyRing {
  /** By their ids, the one that seals first: what the others are told. */
  kids(): string[];
  /** Goes by what the others who are alive have told. */
  agree(others: readonly KeysOfMember[]): void;
  /** The same at the start: throws when one of them seals under a key that is not here, for nothing of it could be taken over. */
  join(others: readonly KeysOfMember[]): void;
}

/** While connectors are restarted with a new key one after the other, those that do not have it yet can open everything. */
export function shareKeys({ all, current: first }: KeyRing): SharedKeys {
  const own = [...all.keys()];
  let current = first;
  function agree(others: readonly KeysOfMember[]): void {
    // Who tells nothing is of an earlier version, and has the oldest if any.
    const kid = own.find((each) => others.every(({ kids }) => kids.includes(each))) ?? own.at(-1)!;
    current = { kid, bytes: all.get(kid)! };
  }

  return {
    all,
    get current() {
      return current;
    },
    kids: () => [current.kid, ...own.filter((kid) => kid !== current.kid)],
    agree,
    join(others) {
      const missing = others.find(({ kids: [kid] }) => kid !== undefined && !all.has(kid))?.kids[0];
      if (missing !== undefined) {
        throw new Error(
          `STORE_KEYS lacks the key ${missing}, under which another connector of this database seals: put it in, too.`,
        );
      }
      agree(others);
    },
  };
}
