import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Context } from "../context.ts";
import type { Db } from "../db/schema.ts";
import { newId } from "../services.ts";
import { shortened } from "./shorten.ts";

/** An entry of the audit log: who changed what. */
export interface AuditEntry {
  /** Of `newId(services, "aud")`. */
  id: string;
  workspaceId: string;
  /** An API key's id, or `operator`. */
  actor: string;
  /** A past fact, such as `key.created`. */
  action: string;
  /** The id of what was changed, or a name that holds no full phone number. */
  target: string;
  /** What changed; never a secret or a full phone number. */
  detail?: Record<string, unknown>;
  at: number;
  /** True in SQL if the entry is stored. `changes() > 0`: if the statement before it changed something. */
  when?: RawBuilder<boolean>;
}

/** The statement that stores an entry, of at most 2 KB. It belongs to the batch of the change. */
export function auditStatement(db: Db, entry: AuditEntry): CompiledQuery {
  const { id, workspaceId, actor, action, target, detail = {}, at, when = sql<boolean>`true` } = entry;
  // Test keys see entries by or about test keys.
  const isTest = sql<number>`EXISTS (SELECT 1 FROM api_key k WHERE k.id IN (${actor}, ${target})
    AND k.workspace_id = ${workspaceId} AND k.environment = 'test')`;
  const shown = JSON.stringify(shortened(detail));
  return sql`INSERT INTO audit (id, workspace_id, actor, action, target, detail, created_at, test)
    SELECT ${id}, ${workspaceId}, ${actor}, ${action}, ${target}, ${shown}, ${at}, ${isTest}
    WHERE ${when}`.compile(db.kysely);
}

/** The entry of a change by the actor. */
export const audited = (
  { services, actor }: Context,
  entry: Pick<AuditEntry, "action" | "target" | "detail" | "at" | "when">,
): CompiledQuery =>
  auditStatement(services.db, {
    id: newId(services, "aud"),
    workspaceId: actor.workspaceId,
    actor: actor.by.id,
    ...entry,
  });
