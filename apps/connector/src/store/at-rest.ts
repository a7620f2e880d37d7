import { LRUCache } from "lru-cache";
import type { KeyRing, Random } from "@sandi/crypto";
import { type NodeAtRest, nodeAtRest } from "@sandi/crypto/node";

const rememberedOwners = 10_000;

/** `nodeAtRest` for each owner; the keys of an owner in use are derived once. */
export function atRestOfOwners(keys: KeyRing, random: Random): (owner: string) => NodeAtRest {
  const known = new LRUCache<string, NodeAtRest>({ max: rememberedOwners });
  return (owner) => {
    let atRest = known.get(owner);
    if (!atRest) known.set(owner, (atRest = nodeAtRest(keys, owner, random)));
    return atRest;
  };
}
