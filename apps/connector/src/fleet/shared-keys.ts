import type { KeyRing } from "@sandi/crypto";
import type { KeysOfMember } from "../store/member-keys.ts";

/** The keys of STORE_KEYS. The first key that every connector of the database has is the one that seals. */
export interface SharedKeys extends KeyRing {
  /** The key ids that are announced; the first is the one that seals. */
  kids(): string[];
  /** Chooses the key that seals, from what the running connectors have announced. */
  agree(others: readonly KeysOfMember[]): void;
  /** The same at the start. Throws when another connector seals under a key that is missing here. */
  join(others: readonly KeysOfMember[]): void;
}

/** While connectors restart one after the other with a new key, those without it can still open everything. */
export function shareKeys({ all, current: first }: KeyRing): SharedKeys {
  const own = [...all.keys()];
  let current = first;
  function agree(others: readonly KeysOfMember[]): void {
    // A connector that announces no keys is of an earlier version. It has the oldest key.
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
          `STORE_KEYS lacks the key ${missing}, under which another connector of this database seals: add it.`,
        );
      }
      agree(others);
    },
  };
}
