import { chatIdOf, type ChatMessage, type ConnectorEvent, type Policy, type Quota } from "@sandi/contracts";
import { type CompiledQuery, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { masked, storedMask } from "../phone.ts";
import { keepContent, type SealedContent } from "./event-contents.ts";
import { chatNow, personOf } from "./merge-chats.ts";
import { dayMs, passMs } from "../retention.ts";

/** How long the contents of messages are kept, at connectors and with events. */
export function contentMsOf({ messageContent, retentionDays }: Policy, quota: Quota): number {
  if (messageContent === "drop") return 0;
  if (messageContent === "pass") return passMs;
  return Math.min(retentionDays.content, quota.retentionDays.content) * dayMs;
}

interface Received extends ChatMessage {
  /** The event's. */
  id: string;
  sessionId: string;
  workspaceId: string;
  from: string | null;
  isForwarded: boolean;
  at: string;
  /** The hash of the other person's number; null when it is unknown. */
  personHash: string | null;
  /** What the message says; undefined: nothing is kept of that. */
  sealedContent: SealedContent | undefined;
}

const maskOf = (phone: string | null) => (phone === null ? null : storedMask(masked(phone)));

/** Stores a message of a chat with its event, once. One that the connector could not read before gets its type. */
export function insertReceived({ kysely }: Db, received: Received, now: number): CompiledQuery[] {
  const { messageId, sessionId, workspaceId, chatId, personId, origin, type, at } = received;
  const wroteAt = Date.parse(at);
  const isInbound = origin === null;
  const flags = [received.isForwarded, received.isViewOnce, received.isOffline].map(Number);
  const to = isInbound
    ? sql`coalesce((SELECT account_masked FROM session WHERE id = ${sessionId}), '')`
    : sql`${maskOf(received.to) ?? ""}`;
  return [
    sql`INSERT INTO message (id, workspace_id, session_id, type, to_masked, to_hash, country, prefix, status, expires_at,
        test, created_at, updated_at, sent_at, direction, origin, chat_id, person_id, from_masked, is_forwarded,
        is_view_once, is_offline, person_hash)
      VALUES (${messageId}, ${workspaceId}, ${sessionId}, ${type}, ${to}, '', '', '', ${isInbound ? "received" : "sent"},
        ${wroteAt}, 0, ${wroteAt}, ${now}, ${wroteAt}, ${isInbound ? "inbound" : null}, ${origin}, ${chatNow(chatId)},
        ${personId === null ? null : personOf(chatNow(chatIdOf(personId)))}, ${maskOf(received.from)}, ${sql.join(flags)},
        ${received.personHash})
      ON CONFLICT (id) DO UPDATE SET type = excluded.type, updated_at = excluded.updated_at
        WHERE message.type = 'undecryptable' AND excluded.type <> 'undecryptable'
          AND message.session_id = excluded.session_id`,
    sql`INSERT INTO event (id, workspace_id, type, message_id, session_id, data, at)
      SELECT ${received.id}, ${workspaceId}, 'message.received', ${messageId}, ${sessionId},
        ${JSON.stringify({ type, chatId, chatKind: received.chatKind, origin })}, ${wroteAt} WHERE changes() = 1`,
    ...(received.sealedContent ? [keepContent(received, received.sealedContent)] : []),
  ].map((statement) => statement.compile(kysely));
}

type Change = Extract<
  ConnectorEvent,
  {
    type: "message.edited" | "message.reaction" | "message.reply" | "message.media" | "message.deleted" | "poll.vote";
  }
>;

/** Writes what happened to a message into its timeline, once. Messages with codes show nothing of this. */
export function noteChange({ kysely }: Db, event: Change, content?: SealedContent): CompiledQuery[] {
  const { id, type, messageId, sessionId } = event;
  const at = Date.parse(event.at);
  const data = JSON.stringify(dataOf(event));
  const which = sql`id = ${messageId} AND (session_id = ${sessionId} OR tried ->> ${`$.${sessionId}`} IS NOT NULL)
    AND verification_id IS NULL`;
  return [
    sql`INSERT INTO event (id, workspace_id, type, message_id, session_id, data, at)
      SELECT ${id}, workspace_id, ${type}, id, ${sessionId}, ${data}, ${at} FROM message
      WHERE ${which} AND NOT EXISTS (SELECT 1 FROM event WHERE message_id = ${messageId} AND verification_id IS NULL
        AND event.id = ${id})`,
    ...(content ? [keepContent(event, content)] : []),
    ...(type === "message.edited"
      ? [sql`UPDATE message SET edited_at = max(coalesce(edited_at, 0), ${at}) WHERE ${which}`]
      : []),
    ...(type === "message.deleted"
      ? [sql`UPDATE message SET deleted_at = coalesce(deleted_at, ${at}) WHERE ${which}`]
      : []),
  ].map((statement) => statement.compile(kysely));
}

function dataOf(event: Change) {
  if (event.type === "message.media") return { mediaState: event.mediaState, mediaId: event.mediaId };
  if (event.type === "message.deleted") return { personId: null };
  const { personId } = event;
  return event.type === "message.reply" ? { personId, replyId: event.replyId } : { personId };
}
