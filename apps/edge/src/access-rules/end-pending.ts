import { canonicalPrefixes, countriesOfTwoSpellings } from "@sandi/contracts";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { AccessRuleTable, Db } from "../db/schema.ts";
import { withoutSecrets } from "../verifications/secrets.ts";

type NewRule = Pick<AccessRuleTable, "id" | "workspaceId" | "effect" | "kind" | "value" | "createdAt">;

/** Verifications and texts keep this many digits of their number, and no address. */
const keptDigits = 7;

/**
 * Statements for a new block rule: they cancel queued texts, cancel queued codes, and block the pending verifications,
 * unless an allow rule matches. A rule for an address or a longer prefix ends nothing: the rows do not keep these.
 */
export function endPending(db: Db, rule: NewRule): CompiledQuery[] {
  const { id, workspaceId, createdAt: at } = rule;
  const [isVerification, isText] = [meant("v", rule), meant("m", rule)];
  if (rule.effect !== "block" || !isVerification || !isText) return [];
  const isThere = sql`EXISTS (SELECT 1 FROM access_rule WHERE id = ${id})`;
  const isPending = sql`v.workspace_id = ${workspaceId} AND v.status = 'pending' AND v.test = 0 AND v.expires_at > ${at}
    AND ${isVerification} AND NOT ${isAllowed("v", rule)} AND ${isThere}`;
  return [
    sql`UPDATE message AS m INDEXED BY message_unsent_session SET status = 'canceled', sealed = NULL, updated_at = ${at}
      WHERE m.session_id IN (SELECT id FROM session WHERE workspace_id = ${workspaceId})
        AND m.status IN ('queued', 'sending') AND m.status = 'queued' AND m.workspace_id = ${workspaceId}
        AND m.verification_id IS NULL AND m.test = 0
        AND ${isText} AND NOT ${isAllowed("m", rule)} AND ${isThere}`.compile(db.kysely),
    sql`UPDATE message INDEXED BY message_verification SET status = 'canceled', sealed = NULL, updated_at = ${at}
      WHERE workspace_id = ${workspaceId} AND status = 'queued' AND verification_id IN (SELECT v.id
        FROM verification v INDEXED BY verification_one_pending WHERE ${isPending})`.compile(db.kysely),
    sql`UPDATE verification AS v INDEXED BY verification_one_pending SET status = 'blocked', ${withoutSecrets},
        updated_at = ${at} WHERE ${isPending}`.compile(db.kysely),
  ];
}

/** True in SQL for the rows of `verification` (`v`) or `message` (`m`) that the rule matches; undefined if rows cannot show it. */
function meant(row: "v" | "m", { kind, value }: NewRule): RawBuilder<unknown> | undefined {
  if (kind === "number") return sql`${sql.ref(`${row}.to_hash`)} = ${value}`;
  if (kind === "country") return sql`${sql.ref(`${row}.country`)} = ${value}`;
  if (kind !== "prefix") return undefined;
  const prefixes = canonicalPrefixes(value).filter(({ length }) => length <= keptDigits);
  return prefixes.length === 0
    ? undefined
    : sql`(${sql.join(
        prefixes.map((prefix) => sql`${sql.ref(`${row}.prefix`)} LIKE ${`${prefix}%`}`),
        sql` OR `,
      )})`;
}

/**
 * True in SQL if an allow rule matches the row, or may match it: seven digits do not show whether a longer prefix
 * matches, nor a prefix in the other spelling of a number. What may be allowed is not ended.
 */
function isAllowed(row: "v" | "m", { workspaceId, createdAt: at }: NewRule): RawBuilder<unknown> {
  const [toHash, country, prefix] = ["to_hash", "country", "prefix"].map((column) => sql.ref(`${row}.${column}`));
  return sql`EXISTS (SELECT 1 FROM access_rule r WHERE r.workspace_id = ${workspaceId} AND r.effect = 'allow'
    AND (r.expires_at IS NULL OR r.expires_at > ${at}) AND ((r.kind = 'number' AND r.value = ${toHash})
      OR (r.kind = 'country' AND r.value = ${country}) OR (r.kind = 'prefix' AND ${prefix} <> ''
        AND (${prefix} LIKE r.value || '%' OR r.value LIKE ${prefix} || '%'
          OR (${country} IN (${sql.join(countriesOfTwoSpellings)}) AND substr(${prefix}, 1, 2) = substr(r.value, 1, 2))))))`;
}
