import type { EdgeDatabase } from "../db/schema.ts";

/** The key with this hash and its workspace: the one look-up that comes before a tenant is known. */
export function findApiKey({ kysely }: EdgeDatabase, hash: string) {
  return kysely
    .selectFrom("apiKey")
    .innerJoin("workspace", "workspace.id", "apiKey.workspaceId")
    .select([
      "apiKey.id",
      "apiKey.workspaceId",
      "apiKey.environment",
      "apiKey.scopes",
      "apiKey.expiresAt",
      "apiKey.revokedAt",
      "apiKey.lastUsedAt",
      "workspace.name as workspaceName",
    ])
    .where("apiKey.hash", "=", hash)
    .executeTakeFirst();
}

export async function touchApiKey({ kysely }: EdgeDatabase, workspaceId: string, key: { id: string; at: number }): Promise<void> {
  await kysely
    .updateTable("apiKey")
    .set({ lastUsedAt: key.at })
    .where("workspaceId", "=", workspaceId)
    .where("id", "=", key.id)
    .execute();
}
