import { type RawBuilder, sql } from "kysely";
import { newId, type Services } from "../services.ts";

interface AuditEntry {
  workspaceId: string;
  /** An API key's id, or `operator`. */
  actor: string;
  /** A past fact, such as `key.created`. */
  action: string;
  /** What it was done to, by id. */
  target: string;
  /** What changed; no secrets, no texts, no full numbers. */
  detail: Record<string, unknown>;
  /** In SQL, when the statements before may have changed nothing. */
  when?: RawBuilder<unknown>;
}

/** Writes who changed what, in the batch of the change. */
export function auditStatement(
  services: Services,
  { workspaceId, actor, action, target, detail, when = sql`1` }: AuditEntry,
) {
  return sql`INSERT INTO audit (id, workspace_id, actor, action, target, detail, created_at)
    SELECT ${newId(services, "aud")}, ${workspaceId}, ${actor}, ${action}, ${target}, ${JSON.stringify(detail)},
      ${services.now().getTime()} WHERE ${when}`.compile(services.db.kysely);
}
