import { AppError } from "@sandi/contracts";
import { auditStatement, settleByAudit } from "../audit/statement.ts";
import type { KnownKey } from "../db/schema.ts";
import { newId, type Services } from "../services.ts";
import { refuseBeyond } from "./authority.ts";
import { forgetKeys } from "./cache.ts";
import { findApiKey, toApiKey } from "./repository.ts";

/** Ends a key for good: here at once, in every other isolate within a minute. */
export async function revokeKey(services: Services, { key, id }: { key: KnownKey; id: string }): Promise<void> {
  const { db } = services;
  const { workspaceId } = key;
  const at = services.now().getTime();
  const row = await findApiKey(db, workspaceId, id);
  if (!row) throw new AppError("key-not-found");
  const { scopes, environment, name } = toApiKey(row);
  refuseBeyond(key, { scopes, environment });
  const auditId = newId(services, "aud");
  try {
    await db.write([
      db.kysely
        .updateTable("apiKey")
        .set({ revokedAt: at })
        .where("workspaceId", "=", workspaceId)
        .where("id", "=", id)
        .where("revokedAt", "is", null),
      auditStatement(db, {
        id: auditId,
        workspaceId,
        actor: key.id,
        action: "key.revoked",
        target: id,
        detail: { name },
        at,
      }),
    ]);
  } catch (error) {
    const now = await findApiKey(db, workspaceId, id).catch(() => undefined);
    if (!now || now.revokedAt === null) await settleByAudit(db, workspaceId, { error, id: auditId });
  } finally {
    forgetKeys(services, { id });
  }
}
