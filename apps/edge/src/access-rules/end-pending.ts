import { canonicalPrefixes, countriesOfTwoSpellings } from "@sandi/contracts";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { AccessRuleTable, Db } from "../db/schema.ts";
import { withoutSecrets } from "../verifications/secrets.ts";

type NewRule = Pick<AccessRuleTable, "id" | "workspaceId" | "effect" | "kind" | "value" | "createdAt">;

/** A verification keeps so many digits of its number, and nothing of its user's address. */
const keptDigits = 7;

/**
 * What ends the pending verifications that a new block rule is for and no allow rule: first cancels their messages that
 * wait, then blocks them. Nothing where a verification does not tell: for addresses, and for longer prefixes.
 */
export function endPending(db: Db, rule: NewRule): CompiledQuery[] {
  const { id, workspaceId, createdAt: at } = rule;
  const isMeant = rule.effect === "block" ? meant(rule) : undefined;
  if (!isMeant) return [];
  const isPending = sql`v.workspace_id = ${workspaceId} AND v.status = 'pending' AND v.test = 0 AND v.expires_at > ${at}
    AND ${isMeant} AND NOT ${isAllowed(workspaceId, at)} AND EXISTS (SELECT 1 FROM access_rule WHERE id = ${id})`;
  return [
    sql`UPDATE message SET status = 'canceled', sealed = NULL, updated_at = ${at}
      WHERE workspace_id = ${workspaceId} AND status = 'queued'
        AND verification_id IN (SELECT v.id FROM verification v WHERE ${isPending})`.compile(db.kysely),
    sql`UPDATE verification AS v SET status = 'blocked', ${withoutSecrets},
        updated_at = ${at} WHERE ${isPending}`.compile(db.kysely),
  ];
}

function meant({ kind, value }: NewRule): RawBuilder<unknown> | undefined {
  if (kind === "number") return sql`v.to_hash = ${value}`;
  if (kind === "country") return sql`v.country = ${value}`;
  if (kind !== "prefix") return undefined;
  const prefixes = canonicalPrefixes(value).filter(({ length }) => length <= keptDigits);
  return prefixes.length === 0
    ? undefined
    : sql`(${sql.join(
        prefixes.map((prefix) => sql`v.prefix LIKE ${`${prefix}%`}`),
        sql` OR `,
      )})`;
}

/**
 * When in doubt, it is: what was let in is not ended by guess. In doubt are longer prefixes, and those of a country whose
 * numbers have two spellings.
 */
const isAllowed = (workspaceId: string, at: number) =>
  sql`EXISTS (SELECT 1 FROM access_rule r WHERE r.workspace_id = ${workspaceId} AND r.effect = 'allow'
    AND (r.expires_at IS NULL OR r.expires_at > ${at}) AND ((r.kind = 'number' AND r.value = v.to_hash)
      OR (r.kind = 'country' AND r.value = v.country) OR (r.kind = 'prefix' AND v.prefix <> ''
        AND (v.prefix LIKE r.value || '%' OR r.value LIKE v.prefix || '%'
          OR (v.country IN (${sql.join(countriesOfTwoSpellings)}) AND substr(v.prefix, 1, 2) = substr(r.value, 1, 2))))))`;
