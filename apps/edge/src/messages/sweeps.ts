import { type RawBuilder, sql } from "kysely";
import { dayMs, deleteOldest, keptDays, sweepSize } from "../retention.ts";
import type { Services } from "../services.ts";
import { sweepChats } from "./chats.ts";
import { contentKeptMs } from "./retry-message.ts";

const isOver = (isOfKind: RawBuilder<unknown>) =>
  sql<boolean>`${isOfKind} AND t.status NOT IN ('scheduled', 'queued', 'sending')`;

/**
 * Deletes old messages: codes after the time for verifications, other messages after their own time, which for a scheduled
 * one begins when it is sent. Deletes the content of failed messages that nobody retried, counts of recipients,
 * and chats that nobody writes in.
 */
export const sweepMessages = (services: Services) => {
  const { db } = services;
  const at = services.now().getTime();
  const shared = { table: "message", idPrefix: "msg", mostDays: 90 } as const;
  const sentBefore = sql`${at} - ${dayMs} * ${keptDays("messages", { usual: 30, most: 90 })}`;
  return [
    deleteOldest(services, {
      ...shared,
      name: "verifications",
      usualDays: 7,
      when: isOver(sql`t.verification_id IS NOT NULL`),
    }),
    deleteOldest(services, {
      ...shared,
      name: "messages",
      usualDays: 30,
      when: isOver(sql`t.verification_id IS NULL AND (t.send_at IS NULL OR t.send_at < ${sentBefore})`),
    }),
    sql`UPDATE message SET sealed = NULL WHERE id IN (SELECT id FROM message WHERE status = 'failed' AND sealed IS NOT NULL
      AND updated_at <= ${at - contentKeptMs} LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM recipient_send WHERE (workspace_id, to_hash) IN (SELECT workspace_id, to_hash FROM recipient_send
      WHERE day_from <= ${at - 2 * dayMs} LIMIT ${sweepSize})`.compile(db.kysely),
    sweepChats(db, at),
  ];
};
