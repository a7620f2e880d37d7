import type { Actor } from "../actor.ts";
import type { Services } from "../services.ts";

/** Deletes one key, or all keys of a workspace, from this isolate's cache. Other caches expire within a minute. */
export function dropCachedKeys(
  { keyCache }: Services,
  which: { id: string } | { workspaceId: string; id?: never },
): void {
  const matches = ({ workspaceId, by }: Actor) =>
    "workspaceId" in which ? workspaceId === which.workspaceId : by.id === which.id;
  for (const [hash, { actor }] of keyCache) if (matches(actor)) keyCache.delete(hash);
}
