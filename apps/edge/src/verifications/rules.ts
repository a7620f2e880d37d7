import type { Policy } from "@sandi/contracts";
import { type RawBuilder, sql } from "kysely";
import { matchingRules } from "../access-rules/match.ts";
import type { Tenant } from "../auth/tenant.ts";
import { prefixOf } from "../phone.ts";
import { guardRule } from "./guard.ts";
import { firstOf, refuseWhen, type Rule } from "../messages/admission.ts";
import { windows } from "../messages/destination-sends.ts";

/** Who gets a code, and who asks for it. */
export interface Destination extends Tenant {
  toHash: string;
  /** See `former-hashes.ts`. */
  formerHashes: readonly string[];
  globalHash: string;
  e164: string;
  country: string;
  endUserIp: string | undefined;
  policy: Policy;
  perDay: number;
  at: number;
}

/** A destination as its limits know it; hashes may be columns. */
export interface Place extends Pick<Destination, "policy" | "perDay" | "at"> {
  workspaceId: string;
  toHash: string | RawBuilder<unknown>;
  globalHash: string | RawBuilder<unknown>;
}

/** Access rules, countries and the prefix guard. An allow rule overrides the others. */
export function numberRule(destination: Destination): Rule {
  const { workspaceId, toHash, formerHashes, e164, country, endUserIp: ip, policy, at } = destination;
  const subject = { workspaceId, toHash, formerHashes, digits: e164.slice(1), country, ip, at };
  const refusal = firstOf([
    refuseWhen(sql`blocks`, "blocked"),
    ...(goesTo(policy, country) ? [] : [refuseWhen(sql`true`, "country")]),
    ...guardRule(policy.prefixGuard, { workspaceId, prefix: prefixOf(e164), at }),
  ]);
  return sql`(SELECT CASE WHEN NOT allows THEN ${refusal} END FROM ${matchingRules(subject)})`;
}

function goesTo({ countries, defaultCountry }: Policy, country: string): boolean {
  if (countries.includes("*")) return true;
  return countries.length === 0 ? country === defaultCountry : countries.includes(country);
}

/** Too many wrong codes. */
export const lockRule = ({ workspaceId, toHash, at }: Place): Rule =>
  sql`(SELECT json_array('locked', b.locked_until) FROM destination_budget b
    WHERE b.workspace_id = ${workspaceId} AND b.to_hash = ${toHash} AND b.locked_until > ${at})`;

/** Too many sends, of this workspace or of all. */
export const sendsRule = ({ workspaceId, toHash, globalHash, policy, perDay, at }: Place): Rule =>
  sql`(SELECT json_array('limited', json_object('shortFrom', d.short_from, 'shortCount', d.short_count,
      'hourFrom', d.hour_from, 'hourCount', d.hour_count, 'dayFrom', d.day_from, 'dayCount', d.day_count,
      'globalFrom', g.day_from, 'globalCount', g.day_count))
    FROM (SELECT 1) LEFT JOIN destination_send d ON d.workspace_id = ${workspaceId} AND d.to_hash = ${toHash}
    LEFT JOIN destination_send g ON g.workspace_id = '' AND g.to_hash = ${globalHash}
    WHERE (d.short_from > ${at - windows.shortMs} AND d.short_count >= ${policy.destinationPer10Minutes})
      OR (d.hour_from > ${at - windows.hourMs} AND d.hour_count >= ${policy.destinationPerHour})
      OR (d.day_from > ${at - windows.dayMs} AND d.day_count >= ${policy.destinationPerDay})
      OR (g.day_from > ${at - windows.dayMs} AND g.day_count >= ${perDay}))`;

/** True in SQL of a pending `verification` whose code can be sent. An inbound one sends nothing before the user has written. */
export const hasCodeToSend = sql<boolean>`(verification.mode = 'push' OR verification.received_at IS NOT NULL)`;

/** Refuses while the pending verification that is sent again cools down, and when its sends are used up. */
export const turnRule = (at: number): Rule =>
  sql`(SELECT CASE sends_left WHEN 0 THEN json_array('exhausted', expires_at) ELSE json_array('cooldown', next_send_at) END
    FROM verification WHERE id = p.pending_id AND p.pending_step = 'resend' AND ${hasCodeToSend}
      AND (next_send_at > ${at} OR sends_left = 0))`;
