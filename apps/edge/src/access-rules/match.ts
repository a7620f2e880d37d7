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

/**
 * One row in SQL with `allows` and `blocks`: whether a rule of the workspace with this effect matches the number, a prefix,
 * the country or the address.
 */
export function matchingRules({
  workspaceId,
  toHash,
  formerHashes,
  digits,
  country,
  ip,
  at,
}: RuleSubject): RawBuilder<unknown> {
  // One parameter rather than forty: the statement is compiled with every request.
  const names = JSON.stringify([
    ...[toHash, ...formerHashes].map((hash) => ["number", hash]),
    ["country", country],
    ...prefixesOf(digits).map((prefix) => ["prefix", prefix]),
  ]);
  const byName = sql`SELECT r.effect, r.expires_at FROM json_each(${names}) n CROSS JOIN access_rule r
    ON r.workspace_id = ${workspaceId} AND r.kind = n.value ->> 0 AND r.value = n.value ->> 1`;
  const address = ip === undefined ? undefined : parseAddress(ip);
  const byAddress =
    address === undefined
      ? sql``
      : sql`UNION ALL SELECT r.effect, r.expires_at FROM access_rule r WHERE r.workspace_id = ${workspaceId}
        AND r.kind = 'ip' AND r.value <= ${address} AND r.value_to >= ${address}`;
  return sql`(SELECT coalesce(max(effect = 'allow'), 0) AS allows, coalesce(max(effect = 'block'), 0) AS blocks
    FROM (${byName} ${byAddress}) WHERE expires_at IS NULL OR expires_at > ${at})`;
}

/** All prefixes of all spellings of the number: a rule may use any spelling. */
function prefixesOf(digits: string): string[] {
  return [...new Set(spellingsOf(digits).flatMap((one) => Array.from(one, (_, i) => one.slice(0, i + 1))))];
}

/** True in SQL if a rule blocks this recipient and no rule allows it. Holds for codes and messages. */
export const isBlocked = (subject: RuleSubject): RawBuilder<boolean> =>
  sql`(SELECT blocks AND NOT allows FROM ${matchingRules(subject)})`;

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
