import { type RawBuilder, sql } from "kysely";
import { parseAddress } from "../http/addresses.ts";

/** Who is to be sent a code, as rules see them. */
export interface RuleSubject {
  workspaceId: string;
  toHash: string;
  /** The number without the plus. */
  digits: string;
  country: string;
  /** The end user's address, when the caller gave it. */
  ip: string | undefined;
  at: number;
}

/** True in SQL when the workspace has a rule with this effect for this number, one of its prefixes, its country or the address. */
export function matchingRule(effect: "allow" | "block", subject: RuleSubject): RawBuilder<boolean> {
  const { workspaceId, toHash, digits, country, ip, at } = subject;
  const prefixes = Array.from({ length: Math.min(15, digits.length) }, (_, i) => digits.slice(0, i + 1));
  const named = [
    sql`('number', ${toHash})`,
    sql`('country', ${country})`,
    ...prefixes.map((prefix) => sql`('prefix', ${prefix})`),
  ];
  const exists = (condition: RawBuilder<unknown>) =>
    sql<boolean>`EXISTS (SELECT 1 FROM access_rule r WHERE r.workspace_id = ${workspaceId} AND ${condition}
      AND r.effect = ${effect} AND (r.expires_at IS NULL OR r.expires_at > ${at}))`;
  const byName = exists(sql`(r.kind, r.value) IN (VALUES ${sql.join(named)})`);
  const address = ip === undefined ? undefined : parseAddress(ip);
  if (address === undefined) return byName;
  return sql<boolean>`(${byName} OR ${exists(sql`r.kind = 'ip' AND r.value <= ${address} AND r.value_to >= ${address}`)})`;
}
