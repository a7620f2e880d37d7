import type { Actor } from "../actor.ts";
import type { Services } from "../services.ts";

/** Lets this isolate look keys up again: one of them, or all of a workspace. The other isolates do within a minute. */
export function forgetKeys({ keyCache }: Services, which: { id: string } | { workspaceId: string; id?: never }): void {
  const isMeant = ({ workspaceId, by }: Actor) =>
    "workspaceId" in which ? workspaceId === which.workspaceId : by.id === which.id;
  for (const [hash, { actor }] of keyCache) if (isMeant(actor)) keyCache.delete(hash);
}
