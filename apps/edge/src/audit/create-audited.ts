import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Context } from "../context.ts";
import { type Creation, createOnce } from "../http/create-once.ts";
import type { Accepted } from "../http/idempotency/create.ts";
import { newId } from "../services.ts";
import { type AuditEntry, auditStatement, isNotWithdrawn, remedyByAudit } from "./statement.ts";

interface AuditedCreation<Own extends readonly CompiledQuery[], Row, Resource> extends Omit<
  Creation<Own, Row, Resource>,
  "statements" | "block" | "withdraw" | "caller"
> {
  /** What the audit log calls it: `pool` has the entry `pool.created`. */
  kind: string;
  /** What the entry tells: never a secret or a whole number. */
  detail: Record<string, unknown>;
  /** So many may a workspace have. */
  limit: number;
  /** How many it has, in SQL; all that there are if left out. */
  count?: RawBuilder<number>;
  /** The INSERT, which is made only where `mayInsert`, right behind it its entry, and what else belongs to it. */
  statements: (mayInsert: RawBuilder<boolean>, audited: CompiledQuery) => Own;
}

/** Creates what a key asks for, once and up to a limit, with an entry in the audit log that also settles lost answers. */
export function createAudited<const Own extends readonly CompiledQuery[], Row, Resource>(
  ctx: Context,
  { kind, detail, limit, count, statements, ...creation }: AuditedCreation<Own, Row, Resource>,
): Promise<Accepted<Resource>> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  const { table, id, at } = creation;
  const action = `${kind}.created`;
  const entry: AuditEntry = {
    id: newId(services, "aud"),
    workspaceId,
    actor: actor.by.id,
    action,
    target: id,
    detail,
    at,
  };
  const known = count ?? sql<number>`(SELECT count(*) FROM ${sql.table(table)} WHERE workspace_id = ${workspaceId})`;
  return createOnce(services, workspaceId, {
    ...creation,
    caller: ctx,
    statements: (isFirst) =>
      statements(
        sql<boolean>`(${isFirst} AND ${limit} > ${known} AND ${isNotWithdrawn(entry.id)})`,
        auditStatement(db, entry),
      ),
    ...remedyByAudit(db, { ...entry, action: `${kind}.not_created` }, { table, id }),
  });
}
