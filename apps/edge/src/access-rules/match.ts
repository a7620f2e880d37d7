import { countriesOfTwoSpellings, spellingsOf } from "@sandi/contracts";
import { type RawBuilder, sql } from "kysely";
import { parseAddress } from "../addresses.ts";

/** The facts of a recipient that rules can match. */
export interface RuleSubject {
  workspaceId: string;
  toHash: string;
  /** See `former-hashes.ts`. */
  formerHashes: readonly string[];
  /** The number without the plus. */
  digits: string;
  country: string;
  /** The end user's address, if the request has one. */
  ip: string | undefined;
  at: number;
}

/** True in SQL if a rule of the workspace with this effect matches the number, a prefix, the country or the address. */
export function matchingRule(effect: "allow" | "block", subject: RuleSubject): RawBuilder<boolean> {
  const { workspaceId, toHash, formerHashes, digits, country, ip, at } = subject;
  // One parameter rather than forty: the statement is compiled with every request.
  const names = JSON.stringify([
    ...[toHash, ...formerHashes].map((hash) => ["number", hash]),
    ["country", country],
    ...prefixesOf(digits).map((prefix) => ["prefix", prefix]),
  ]);
  const isInForce = sql`r.effect = ${effect} AND (r.expires_at IS NULL OR r.expires_at > ${at})`;
  const byName = sql<boolean>`EXISTS (SELECT 1 FROM json_each(${names}) n CROSS JOIN access_rule r
    ON r.workspace_id = ${workspaceId} AND r.kind = n.value ->> 0 AND r.value = n.value ->> 1 AND ${isInForce})`;
  const address = ip === undefined ? undefined : parseAddress(ip);
  if (address === undefined) return byName;
  return sql<boolean>`(${byName} OR EXISTS (SELECT 1 FROM access_rule r WHERE r.workspace_id = ${workspaceId}
    AND r.kind = 'ip' AND r.value <= ${address} AND r.value_to >= ${address} AND ${isInForce}))`;
}

/** All prefixes of all spellings of the number: a rule may use any spelling. */
function prefixesOf(digits: string): string[] {
  return [...new Set(spellingsOf(digits).flatMap((one) => Array.from(one, (_, i) => one.slice(0, i + 1))))];
}

/** True in SQL if a rule blocks this recipient and no rule allows it. Holds for codes and messages. */
export const isBlocked = (subject: RuleSubject): RawBuilder<boolean> =>
  sql`(${matchingRule("block", subject)} AND NOT ${matchingRule("allow", subject)})`;

/**
 * True in SQL if a block rule may match a number of which only `prefix` is stored: the rule's prefix is longer and begins
 * with `prefix`. In countries with two spellings the rule may use the other one, so any longer prefix of the country counts.
 */
export function mayBeBlocked(
  workspaceId: string,
  { prefix, country, at }: Record<"prefix" | "country", string | RawBuilder<unknown>> & { at: number },
): RawBuilder<boolean> {
  const isOfOtherSpelling = sql`(${country} IN (${sql.join(countriesOfTwoSpellings)})
    AND length(r.value) >= length(${prefix}) AND substr(r.value, 1, 2) = substr(${prefix}, 1, 2))`;
  return sql`EXISTS (SELECT 1 FROM access_rule r WHERE r.workspace_id = ${workspaceId} AND r.kind = 'prefix'
    AND r.effect = 'block' AND (r.value LIKE ${prefix} || '_%' OR ${isOfOtherSpelling})
    AND (r.expires_at IS NULL OR r.expires_at > ${at}))`;
}
