import type { Policy } from "@sandi/contracts";
import { type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { isLinked } from "../sessions/pick.ts";
import { moveVerifications } from "./life.ts";
import { hasCodeToSend } from "./rules.ts";
import { pendingOf } from "./verdict.ts";

/** Seconds from the first send of a code to the second. */
export const firstWaitOf = ({ cooldownSeconds: [first = 30] }: Policy) => first;

interface Renewal {
  /** The id of the message that sends its code. */
  messageId: string;
  policy: Policy;
  at: number;
  /** Further columns, in the SET. */
  set?: RawBuilder<unknown>;
}

/** After `decide`, if no rule refuses: sends the code of the pending verification again, if it has one to send. */
export function renewVerification(db: Db, { messageId, policy, at, set }: Renewal) {
  const { cooldownSeconds, maxSends } = policy;
  const wait = sql`1000 * coalesce(json_extract(${JSON.stringify(cooldownSeconds)},
    '$[' || CAST(${maxSends} - sends_left AS INTEGER) || ']'), ${cooldownSeconds.at(-1) ?? firstWaitOf(policy)})`;
  return moveVerifications(db, "resend", {
    which: sql`id = ${pendingOf(messageId, sql`a.verdict IS NULL AND a.pending_step = 'resend'`)}`,
    at,
    set: sql`sends_left = sends_left - ${hasCodeToSend},
      message_id = CASE WHEN ${hasCodeToSend} THEN ${messageId} ELSE message_id END,
      next_send_at = CASE WHEN ${hasCodeToSend} THEN ${at} + ${wait} ELSE next_send_at END,
      session_id = CASE WHEN ${hasCodeToSend} OR NOT ${isLinked(sql`verification.session_id`)}
        THEN coalesce((SELECT a.session_id FROM admission a WHERE a.id = ${messageId}), session_id) ELSE session_id END
      ${set ? sql`, ${set}` : sql``}`,
  });
}
