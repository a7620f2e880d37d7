import { CompanyName, createId, scopes } from "@sandi/contracts";
import { generateApiKey, hashPassword, type Random } from "@sandi/crypto";
import type { Client } from "@libsql/client";

export interface NewWorkspace {
  client: Client;
  now: Date;
  random: Random;
  name: string;
  adminEmail: string;
  adminPassword: string;
}

/** Makes a workspace with its admin and an API key with every scope, all or nothing. The key is shown this once. */
export async function createWorkspace({ client, now, random, adminEmail, adminPassword, ...input }: NewWorkspace) {
  const { data: name, error } = CompanyName.safeParse(input.name);
  if (name === undefined) throw new Error(`the workspace's name ${error?.issues[0]?.message ?? "is not valid"}`);
  const workspaceId = createId("ws", now, random(10));
  const at = now.getTime();
  const { key, hash, prefix } = await generateApiKey("live", random);
  const passwordHash = await hashPassword(adminPassword, random);
  const email = adminEmail.trim().toLowerCase();
  await client.batch(
    [
      { sql: "INSERT INTO workspace (id, name, created_at) VALUES (?, ?, ?)", args: [workspaceId, name, at] },
      {
        sql: `INSERT INTO user (id, workspace_id, email, password_hash, role, created_at) VALUES (?, ?, ?, ?, 'admin', ?)`,
        args: [createId("usr", now, random(10)), workspaceId, email, passwordHash, at],
      },
      {
        sql: `INSERT INTO api_key (id, workspace_id, name, hash, prefix, environment, scopes, created_at)
              VALUES (?, ?, 'First key', ?, ?, 'live', ?, ?)`,
        args: [createId("key", now, random(10)), workspaceId, hash, prefix, JSON.stringify(scopes), at],
      },
    ],
    "write",
  );
  return { workspaceId, apiKey: key };
}
