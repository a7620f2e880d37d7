import { canonicalPrefixes, countriesOfTwoSpellings } from "@sandi/contracts";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { AccessRuleTable } from "../db/tables/workspaces.ts";
import { moveMessages } from "../messages/life.ts";
import { moveVerifications } from "../verifications/life.ts";

type NewRule = Pick<AccessRuleTable, "id" | "workspaceId" | "effect" | "kind" | "value" | "createdAt">;

/** Verifications and messages store this many digits of their number, and no address. */
const keptDigits = 7;

type Ended = "queued" | "scheduled" | "codes" | "verifications";

/**
 * Statements for a new block rule: they cancel queued and scheduled messages, cancel queued codes, and block pending
 * verifications, unless an allow rule matches. A rule for an address or a longer prefix ends nothing: the rows do not store
 * these.
 */
export function endPending(db: Db, rule: NewRule): { [Of in Ended]?: CompiledQuery } {
  const { id, workspaceId, createdAt: at } = rule;
  const [isVerification, isMessage] = [matches("verification", rule), matches("message", rule)];
  if (rule.effect !== "block" || !isVerification || !isMessage) return {};
  const isThere = sql`EXISTS (SELECT 1 FROM access_rule WHERE id = ${id})`;
  const isPending = sql<boolean>`verification.workspace_id = ${workspaceId} AND verification.status = 'pending'
    AND verification.test = 0 AND verification.expires_at > ${at}
    AND ${isVerification} AND NOT ${isAllowed("verification", rule)} AND ${isThere}`;
  const isOfMessages = sql<boolean>`message.workspace_id = ${workspaceId} AND message.verification_id IS NULL
        AND message.test = 0 AND ${isMessage} AND NOT ${isAllowed("message", rule)} AND ${isThere}`;
  return {
    queued: moveMessages(db, "cancel", {
      which: sql`message.session_id IN (SELECT id FROM session WHERE workspace_id = ${workspaceId})
        AND message.status IN ('queued', 'sending') AND ${isOfMessages}`,
      at,
      index: "message_unsent_session",
    }),
    scheduled: moveMessages(db, "unschedule", {
      which: sql`message.status = 'scheduled' AND ${isOfMessages}`,
      at,
      set: sql`due_at = NULL`,
      index: "message_scheduled_workspace",
    }),
    codes: moveMessages(db, "cancel", {
      which: sql`workspace_id = ${workspaceId} AND verification_id IN (SELECT verification.id
        FROM verification INDEXED BY verification_one_pending WHERE ${isPending})`,
      at,
      index: "message_verification",
    }),
    verifications: moveVerifications(db, "block", { which: isPending, at, index: "verification_one_pending" }),
  };
}

/** True in SQL for the rows of this table that the rule matches; undefined if rows cannot show it. */
function matches(row: "verification" | "message", { kind, value }: NewRule): RawBuilder<unknown> | undefined {
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
 * matches, nor a prefix in the other spelling of a number. A row that may be allowed is not ended.
 */
function isAllowed(row: "verification" | "message", { workspaceId, createdAt: at }: NewRule): RawBuilder<unknown> {
  const [toHash, country, prefix] = ["to_hash", "country", "prefix"].map((column) => sql.ref(`${row}.${column}`));
  return sql`EXISTS (SELECT 1 FROM access_rule r WHERE r.workspace_id = ${workspaceId} AND r.effect = 'allow'
    AND (r.expires_at IS NULL OR r.expires_at > ${at}) AND ((r.kind = 'number' AND r.value = ${toHash})
      OR (r.kind = 'country' AND r.value = ${country}) OR (r.kind = 'prefix' AND ${prefix} <> ''
        AND (${prefix} LIKE r.value || '%' OR r.value LIKE ${prefix} || '%'
          OR (${country} IN (${sql.join(countriesOfTwoSpellings)}) AND substr(${prefix}, 1, 2) = substr(r.value, 1, 2))))))`;
}
