import type { KnownKey } from "../db/schema.ts";
import type { Services } from "../services.ts";

/** Lets this isolate look keys up again: one of them, or all of a workspace. The other isolates do within a minute. */
export function forgetKeys({ keyCache }: Services, which: { id: string } | { workspaceId: string; id?: never }): void {
  const isMeant = (key: KnownKey) =>
    "workspaceId" in which ? key.workspaceId === which.workspaceId : key.id === which.id;
  for (const [hash, { key }] of keyCache) if (isMeant(key)) keyCache.delete(hash);
}
