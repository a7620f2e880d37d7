import { AppError } from "@sandi/contracts";
import { sql } from "kysely";
import { auditStatement } from "../audit/statement.ts";
import { isUnreachable } from "../db/failures.ts";
import type { KnownKey } from "../db/schema.ts";
import { writeAs } from "../keys/write-as.ts";
import { newId, type Services } from "../services.ts";
import { findTemplate } from "./repository.ts";

/** Forgets a template; its purpose has the built-in text again. */
export async function deleteTemplate(services: Services, { key, id }: { key: KnownKey; id: string }): Promise<void> {
  const { db, templateCache } = services;
  const { workspaceId } = key;
  const at = services.now().getTime();
  try {
    const [deleted] = await writeAs(services, key, [
      sql<{ id: string }>`DELETE FROM template WHERE id = ${id} AND workspace_id = ${workspaceId} RETURNING id`.compile(
        db.kysely,
      ),
      auditStatement(db, {
        id: newId(services, "aud"),
        workspaceId,
        actor: key.id,
        action: "template.deleted",
        target: id,
        at,
      }),
    ]);
    if (deleted.rows.length === 0) throw new AppError("template-not-found");
  } catch (error) {
    if (!isUnreachable(error) || (await findTemplate(db, workspaceId, id))) throw error;
  } finally {
    templateCache.delete(workspaceId);
  }
}
