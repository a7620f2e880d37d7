import { type CompiledQuery, sql } from "kysely";
import { accountIncidents } from "../alerts/session-incidents.ts";
import type { Db } from "../db/schema.ts";
import { moveVerifications } from "../verifications/life.ts";

interface Link {
  sessionId: string;
  seq: number;
  phone: string;
}

/**
 * When another account is about to be linked to the session, deletes what belonged to the former account: its contacts,
 * chats, counts and limits. Pending inbound verifications end, because their links name the former account's number.
 */
export function linkAccount(db: Db, { sessionId, seq, phone }: Link, at: number): CompiledQuery[] {
  const isNews = sql<boolean>`id = ${sessionId} AND state_seq < ${seq} AND account IS NOT ${phone}`;
  const ofSession = sql`workspace_id = (SELECT workspace_id FROM session WHERE ${isNews}) AND session_id = ${sessionId}`;
  return [
    moveVerifications(db, [{ name: "expire", when: sql`expires_at <= ${at}` }, { name: "giveUp" }], {
      which: sql`${ofSession} AND mode = 'inbound' AND received_at IS NULL AND test = 0`,
      at: sql`max(updated_at, ${at})`,
    }),
    sql`DELETE FROM warm_contact WHERE ${ofSession}`.compile(db.kysely),
    sql`DELETE FROM chat WHERE ${ofSession}`.compile(db.kysely),
    sql`DELETE FROM session_figure WHERE ${ofSession}`.compile(db.kysely),
    accountIncidents(db, { isNews, at }),
    // For the new account, the recipients of waiting messages are new chats.
    sql`UPDATE session SET new_chats = waiting, new_chats_from = ${at}, counted_from = 0, sends = 0, failures = 0,
        earlier_sends = 0, earlier_failures = 0, limits_at = NULL, new_chats_locked_until = NULL, new_chats_total = NULL,
        new_chats_used = NULL, new_chats_reset_at = NULL, paused_until = NULL
      WHERE ${isNews}`.compile(db.kysely),
  ];
}
