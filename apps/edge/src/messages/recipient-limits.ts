import { AppError, type MessageDryRun, type Policy } from "@sandi/contracts";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { iso } from "../time.ts";
import type { Rule } from "./admission.ts";
import { windows } from "./destination-sends.ts";

// Redis counts the same limits and refuses earlier. These hold while Redis does not answer.

interface Recipient {
  workspaceId: string;
  toHash: string;
  policy: Policy;
  at: number;
}

/** When the two windows began, and what was counted in them. */
export type RecipientCounts = [hourFrom: number, hourCount: number, dayFrom: number, dayCount: number];

/** Too many messages to one number. */
export const recipientRule = ({ workspaceId, toHash, policy, at }: Recipient): Rule =>
  sql`(SELECT json_array('recipient', r.hour_from, r.hour_count, r.day_from, r.day_count) FROM recipient_send r
    WHERE r.workspace_id = ${workspaceId} AND r.to_hash = ${toHash}
      AND ((r.hour_from > ${at - windows.hourMs} AND r.hour_count >= ${policy.messagesPerRecipientPerHour})
        OR (r.day_from > ${at - windows.dayMs} AND r.day_count >= ${policy.messagesPerRecipientPerDay})))`;

export const selectCounts = (db: Db, { workspaceId, toHash }: Pick<Recipient, "workspaceId" | "toHash">) =>
  sql<{ counts: string }>`SELECT json_array(hour_from, hour_count, day_from, day_count) AS counts FROM recipient_send
    WHERE workspace_id = ${workspaceId} AND to_hash = ${toHash}`.compile(db.kysely);

/** Counts the live messages that `which` selects for their recipients. */
export const countForRecipients = (db: Db, { which, at }: { which: RawBuilder<boolean>; at: number }): CompiledQuery =>
  sql`INSERT INTO recipient_send (workspace_id, to_hash, hour_from, hour_count, day_from, day_count)
    SELECT workspace_id, to_hash, ${at}, count(*), ${at}, count(*) FROM message
    WHERE ${which} AND test = 0 AND status = 'queued' GROUP BY workspace_id, to_hash
    ON CONFLICT DO UPDATE SET ${counted("hour", windows.hourMs)}, ${counted("day", windows.dayMs)}`.compile(db.kysely);

/** In the SET: more in the current window, or the first of a new window. */
const counted = (window: string, ms: number) =>
  sql.raw(`${window}_count = iif(${window}_from > excluded.${window}_from - ${ms}, ${window}_count, 0) + excluded.${window}_count,
    ${window}_from = iif(${window}_from > excluded.${window}_from - ${ms}, ${window}_from, excluded.${window}_from)`);

/** What is left of each limit of a recipient. */
export function standingsOf(
  counts: RecipientCounts | undefined,
  { policy, at }: Pick<Recipient, "policy" | "at">,
): (MessageDryRun["limits"][number] & { windowSeconds: number; leftMs: number })[] {
  const [hourFrom = 0, hourCount = 0, dayFrom = 0, dayCount = 0] = counts ?? [];
  const limits = [
    ["recipient-hour", policy.messagesPerRecipientPerHour, windows.hourMs, hourFrom, hourCount],
    ["recipient-day", policy.messagesPerRecipientPerDay, windows.dayMs, dayFrom, dayCount],
  ] as const;
  return limits.map(([name, quota, windowMs, from, count]) => {
    const leftMs = from > at - windowMs ? from + windowMs - at : 0;
    const used = leftMs > 0 ? count : 0;
    return {
      name,
      quota,
      remaining: Math.max(0, quota - used),
      resetAt: leftMs > 0 ? iso(at + leftMs) : null,
      windowSeconds: windowMs / 1000,
      leftMs,
    };
  });
}

/** The refusal, as Redis's counters would cause it. */
export function recipientLimited(counts: RecipientCounts, at: Pick<Recipient, "policy" | "at">): AppError {
  const spent = standingsOf(counts, at).filter(({ remaining, leftMs }) => remaining === 0 && leftMs > 0);
  return new AppError("rate-limited", {
    retryAfter: Math.max(1, ...spent.map(({ leftMs }) => Math.ceil(leftMs / 1000))),
    detail: spent
      .map(({ name, quota, windowSeconds }) => `\`${name}\` allows ${quota} in ${windowSeconds} s.`)
      .join(" "),
  });
}
