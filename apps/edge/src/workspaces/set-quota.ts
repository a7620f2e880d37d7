import { createId, Quota } from "@sandi/contracts";
import type { Random } from "@sandi/crypto";
import { createDatabase } from "@sandi/libsql";
import type { Client } from "@libsql/client";
import { sql } from "kysely";
import { difference } from "../audit/difference.ts";
import { auditStatement } from "../audit/statement.ts";
import type { Tables } from "../db/schema.ts";
import { fieldErrors } from "../http/validation.ts";
import { merged } from "./merge.ts";
import { findWorkspace } from "./repository.ts";

export interface NewQuota {
  client: Client;
  now: Date;
  random: Random;
  workspaceId: string;
  /** Fields that are left out do not change; null restores a default. */
  quota: Record<string, unknown>;
}

/** Changes a workspace's quota, for the operator. Returns the new quota, which is effective within a minute. */
export async function setQuota({ client, now, random, workspaceId, quota }: NewQuota): Promise<Quota> {
  const db = createDatabase<Tables>(client);
  const row = await findWorkspace(db, workspaceId);
  if (!row) throw new Error(`there is no workspace ${workspaceId}`);
  const chosen = merged(JSON.parse(row.quota) as Record<string, unknown>, quota);
  const { data: granted, error } = Quota.safeParse(chosen);
  if (!granted) {
    const wrong = fieldErrors(error.issues, "").map(({ pointer, message }) => `${pointer.slice(1)} ${message}`);
    throw new Error(`the quota is not valid: ${wrong.join("; ")}`);
  }
  const before = Quota.parse(JSON.parse(row.quota));
  const { changed } = await db.write({
    changed: db.kysely
      .updateTable("workspace")
      .set({ quota: JSON.stringify(chosen) })
      .where("id", "=", workspaceId)
      .where("quota", "=", row.quota),
    audit: auditStatement(db, {
      id: createId("aud", now, random(10)),
      workspaceId,
      actor: "operator",
      action: "quota.updated",
      target: workspaceId,
      detail: difference(before, granted),
      at: now.getTime(),
      when: sql`changes() > 0`,
    }),
  });
  if (changed.numAffectedRows !== 1n)
    throw new Error("another process changed the quota at the same time; run the command again");
  return granted;
}
