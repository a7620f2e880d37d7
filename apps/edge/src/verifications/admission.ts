import { AppError, type Policy, type Scope } from "@sandi/contracts";
import { type RawBuilder, sql } from "kysely";
import { matchingRule } from "../access-rules/match.ts";
import type { Db, VerificationTable } from "../db/schema.ts";
import { senderOf } from "../messages/sender.ts";
import type { Services } from "../services.ts";
import { type Route, selectCandidate } from "../sessions/pick.ts";
import { isGuarded, prefixOf } from "./guard.ts";
import { windows } from "./send.ts";
import { isUnreachableTo } from "./status.ts";
import type { Tenant } from "../auth/tenant.ts";

/** Who is to be sent a code, and who asks. */
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
interface Place extends Pick<Destination, "policy" | "perDay" | "at"> {
  workspaceId: string;
  toHash: string | RawBuilder<unknown>;
  globalHash: string | RawBuilder<unknown>;
}

/** The destination's own limits, in SQL: wrong codes and sends that were too many. */
export function hasRoom({ workspaceId, toHash, globalHash, policy, perDay, at }: Place): RawBuilder<boolean> {
  return sql`(NOT EXISTS (SELECT 1 FROM destination_budget b WHERE b.workspace_id = ${workspaceId} AND b.to_hash = ${toHash}
      AND b.locked_until > ${at})
    AND NOT EXISTS (SELECT 1 FROM destination_send d WHERE d.workspace_id = ${workspaceId} AND d.to_hash = ${toHash} AND (
      (d.short_from > ${at - windows.shortMs} AND d.short_count >= ${policy.destinationPer10Minutes})
      OR (d.hour_from > ${at - windows.hourMs} AND d.hour_count >= ${policy.destinationPerHour})
      OR (d.day_from > ${at - windows.dayMs} AND d.day_count >= ${policy.destinationPerDay})))
    AND NOT EXISTS (SELECT 1 FROM destination_send d WHERE d.workspace_id = '' AND d.to_hash = ${globalHash}
      AND d.day_from > ${at - windows.dayMs} AND d.day_count >= ${perDay}))`;
}

/** True in SQL when the rules, the countries, the guard and the limits let a code go there. */
export function isAdmitted(destination: Destination): RawBuilder<boolean> {
  if (!senderOf(destination).isLimited) return sql`1`;
  const { workspaceId, at } = destination;
  const isPlain = sql`(${goesTo(destination) ? 1 : 0} AND NOT ${matchingRule("block", subject(destination))}
    AND NOT ${isGuarded(destination.policy.prefixGuard, { workspaceId, prefix: prefixOf(destination.e164), at })})`;
  return sql`(${hasRoom(destination)} AND (${isPlain} OR ${matchingRule("allow", subject(destination))}))`;
}

function subject({ workspaceId, toHash, formerHashes, e164, country, endUserIp, at }: Destination) {
  return { workspaceId, toHash, formerHashes, digits: e164.slice(1), country, ip: endUserIp, at };
}

function goesTo({ policy: { countries, defaultCountry }, country }: Destination): boolean {
  if (countries.includes("*")) return true;
  return countries.length === 0 ? country === defaultCountry : countries.includes(country);
}

type Limits = { lockedUntil: number | null } & Partial<
  Record<`${"short" | "hour" | "day" | "global"}${"From" | "Count"}`, number | null>
>;

interface Asked {
  purpose: string;
  route: Route;
  /** Whether the code was to be pushed, and whether the user may be asked to write to us instead. */
  opensChat: boolean;
  mayFallBack: boolean;
  scopes: ReadonlySet<Scope>;
}

/** What stands against a code for this destination, read in one round trip. */
export async function refusalOf(
  { db }: Pick<Services, "db">,
  destination: Destination,
  { purpose, route, opensChat, mayFallBack, scopes }: Asked,
): Promise<AppError> {
  const { workspaceId, toHash, at, e164 } = destination;
  const sender = senderOf(destination);
  const [candidates, verifications, rules, limits] = await db.read([
    selectCandidate(db, workspaceId, { route, toHash, at }),
    sql<Pick<VerificationTable, "status" | "sendsLeft" | "nextSendAt" | "expiresAt">>`
      SELECT status, sends_left, next_send_at, expires_at FROM verification WHERE workspace_id = ${workspaceId}
        AND to_hash = ${toHash} AND purpose = ${purpose} AND status IN ('pending', 'canceled', 'max_attempts_reached')
        AND NOT ${isUnreachableTo(scopes, "verification")}
      ORDER BY status = 'pending' DESC, next_send_at DESC LIMIT 1`.compile(db.kysely),
    sql<{ isAllowed: number; isBlocked: number; guardedUntil: number | null }>`
      SELECT ${matchingRule("allow", subject(destination))} AS is_allowed, ${matchingRule("block", subject(destination))} AS is_blocked,
        (SELECT blocked_until FROM prefix_guard WHERE workspace_id = ${workspaceId} AND prefix = ${prefixOf(e164)}) AS guarded_until`.compile(
      db.kysely,
    ),
    selectLimits(db, destination),
  ]);
  const [candidate] = candidates.rows;
  const isOpener = opensChat && !(mayFallBack && candidate?.fallback === "inbound");
  const error = sender.refusalOf(route, candidate, { opensChat: isOpener });
  if (error) return error;
  if (sender.isLimited) {
    const rule = rules.rows[0];
    if (rule?.isAllowed !== 1) {
      if (rule?.isBlocked === 1) return new AppError("destination-blocked");
      if (!goesTo(destination)) {
        const detail = `This number is of ${destination.country || "no single country"}; the policy's \`countries\` name where codes may go.`;
        return new AppError("country-not-allowed", { detail });
      }
      if (destination.policy.prefixGuard !== "off" && (rule?.guardedUntil ?? 0) > at) {
        return new AppError("prefix-blocked", { retryAfter: seconds((rule?.guardedUntil ?? 0) - at) });
      }
    }
  }
  const pending = verifications.rows[0];
  return (
    limitRefusal(destination, limits.rows[0], "lock") ??
    sendRefusal(pending, at) ??
    limitRefusal(destination, limits.rows[0], "sends") ??
    new AppError("resend-cooldown", { retryAfter: seconds((pending?.nextSendAt ?? 0) - at) })
  );
}

/** Why a pending verification's code is not sent again now. */
export function sendRefusal(
  row: Pick<VerificationTable, "status" | "sendsLeft" | "nextSendAt" | "expiresAt"> | undefined,
  at: number,
): AppError | undefined {
  if (row?.status === "pending" && row.sendsLeft === 0) {
    const detail = "Check the code that was sent, cancel the verification, or wait until it expires.";
    return new AppError("sends-exhausted", { detail, retryAfter: seconds(row.expiresAt - at) });
  }
  if (row && row.nextSendAt > at) return new AppError("resend-cooldown", { retryAfter: seconds(row.nextSendAt - at) });
  return undefined;
}

export function selectLimits(
  db: Db,
  { workspaceId, toHash, globalHash }: Pick<Destination, "workspaceId" | "toHash" | "globalHash">,
) {
  return sql<Limits>`SELECT b.locked_until, d.short_from, d.short_count, d.hour_from, d.hour_count, d.day_from, d.day_count,
      g.day_from AS global_from, g.day_count AS global_count
    FROM (SELECT ${workspaceId} AS workspace_id, ${toHash} AS to_hash) place
    LEFT JOIN destination_budget b ON b.workspace_id = place.workspace_id AND b.to_hash = place.to_hash
    LEFT JOIN destination_send d ON d.workspace_id = place.workspace_id AND d.to_hash = place.to_hash
    LEFT JOIN destination_send g ON g.workspace_id = '' AND g.to_hash = ${globalHash}`.compile(db.kysely);
}

/** Which of the destination's limits is reached. */
export function limitRefusal(
  { policy, perDay, at }: Pick<Destination, "policy" | "perDay" | "at">,
  row: Limits | undefined,
  which: "lock" | "sends",
): AppError | undefined {
  if (which === "lock") {
    const until = row?.lockedUntil ?? 0;
    return until > at ? destinationLocked(policy, until - at) : undefined;
  }
  const limits = [
    [row?.shortFrom, row?.shortCount, windows.shortMs, policy.destinationPer10Minutes, "10-minutes", "in ten minutes"],
    [row?.hourFrom, row?.hourCount, windows.hourMs, policy.destinationPerHour, "hour", "in an hour"],
    [row?.dayFrom, row?.dayCount, windows.dayMs, policy.destinationPerDay, "day", "in a day"],
    [row?.globalFrom, row?.globalCount, windows.dayMs, perDay, "all-senders", "in a day, over all senders"],
  ] as const;
  const waits = limits.flatMap(([from, count, ms, quota, name, words]) =>
    (from ?? 0) > at - ms && (count ?? 0) >= quota
      ? [{ ms: (from ?? 0) + ms - at, window: ms, quota, name, words }]
      : [],
  );
  const longest = waits.sort((a, b) => b.ms - a.ms)[0];
  if (!longest) return undefined;
  const detail = `At most ${longest.quota} codes go to one number ${longest.words}.`;
  const { name, quota, window } = longest;
  const limit = { name: `destination-${name}`, quota, windowSeconds: window / 1000 };
  return new AppError("destination-limited", { detail, retryAfter: seconds(longest.ms), limit });
}

/** Too many wrong codes: neither checks nor sends until it is over. */
export function destinationLocked({ failedChecksPerHour }: Policy, ms: number): AppError {
  const limit = { name: "failed-checks", quota: failedChecksPerHour, windowSeconds: windows.hourMs / 1000 };
  return new AppError("destination-locked", { retryAfter: seconds(ms), limit });
}

const seconds = (ms: number) => Math.max(1, Math.ceil(ms / 1000));
