import { chatIdOf, type ConnectorEvent, EventContent } from "@sandi/contracts";
import { utf8 } from "@sandi/crypto";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { EventContentTable } from "../db/tables/messages.ts";
import type { Services } from "../services.ts";
import { chatNow, personOf } from "./merge-chats.ts";

/** What people wrote, of one event, sealed with the workspace's key. */
export interface SealedContent {
  workspaceId: string;
  /** The message that it belongs to: of a choice, the message with the choice. */
  messageId: string;
  personId: string | null;
  sealed: string;
  storedAt: number;
  expiresAt: number;
}

/** The place of an event's content, which its seal is bound to. */
export const placeOfContent = (eventId: string) => ({ table: "event_content", column: "sealed", id: eventId });

interface Owner {
  workspaceId: string;
  contentMs: number;
}

/** Seals the content of an event; undefined when it has none, and when its workspace keeps none. */
export async function sealContent(
  { atRest }: Services,
  event: ConnectorEvent,
  { workspaceId, contentMs, at }: Owner & { at: number },
): Promise<SealedContent | undefined> {
  if (!("content" in event) || !event.content || contentMs === 0) return undefined;
  const about = aboutContent(event);
  if (!about) return undefined;
  const sealed = await atRest(workspaceId).seal(utf8(JSON.stringify(event.content)), placeOfContent(event.id));
  return { ...about, workspaceId, sealed, storedAt: at, expiresAt: at + contentMs };
}

function aboutContent(event: ConnectorEvent & { content?: EventContent | undefined }) {
  if (event.type === "message.received") {
    const { messageId, personId } = event.message ?? {};
    return messageId === undefined ? null : { messageId, personId: personId ?? null };
  }
  if (!("personId" in event)) return null;
  return { messageId: event.type === "message.reply" ? event.replyId : event.messageId, personId: event.personId };
}

/**
 * Stores the content of an event, if the statement before has stored the event. Deleted messages have none, and those
 * whose person was erased.
 */
export const keepContent = (
  event: Pick<ConnectorEvent, "id" | "sessionId">,
  { workspaceId, messageId, personId, sealed, storedAt, expiresAt }: SealedContent,
): RawBuilder<unknown> =>
  sql`INSERT INTO event_content (event_id, workspace_id, session_id, message_id, person_id, sealed, stored_at, expires_at)
    SELECT ${event.id}, workspace_id, ${event.sessionId}, id,
      ${personId === null ? null : personOf(chatNow(chatIdOf(personId)))}, ${sealed}, ${storedAt}, ${expiresAt} FROM message
    WHERE changes() = 1 AND id = ${messageId} AND workspace_id = ${workspaceId} AND status <> 'revoked'
      AND deleted_at IS NULL AND (to_masked <> '' OR chat_id IS NOT NULL)`;

/** Deletes the contents of the events of a message that was deleted. @param which true in SQL for the message */
export const deleteContentsOf = ({ kysely }: Db, messageId: string, which: RawBuilder<boolean>): CompiledQuery =>
  sql`DELETE FROM event_content WHERE message_id = ${messageId}
    AND EXISTS (SELECT 1 FROM message WHERE id = ${messageId} AND ${which})`.compile(kysely);

/** What is stored of an event's content. */
type StoredContent = Pick<EventContentTable, "eventId" | "sealed">;

/** The contents of these events that are kept still. The `+` keeps SQLite from reading all contents of the workspace. */
export const selectContents = (
  db: Db,
  workspaceId: string,
  { ids, at }: { ids: readonly string[]; at: number },
): CompiledQuery<StoredContent> =>
  sql<StoredContent>`SELECT event_id, sealed FROM event_content
    WHERE event_id IN (SELECT value FROM json_each(${JSON.stringify(ids)})) AND +workspace_id = ${workspaceId}
      AND expires_at > ${at}`.compile(db.kysely);

/** Opens contents, by event. One that cannot be opened is left out: the others are shown. */
export async function openContents(
  { atRest, log }: Services,
  workspaceId: string,
  rows: readonly StoredContent[],
): Promise<Map<string, EventContent>> {
  const opened = await Promise.all(
    rows.map(async ({ eventId, sealed }) => {
      try {
        const bytes = await atRest(workspaceId).open(sealed, placeOfContent(eventId));
        return [[eventId, EventContent.parse(JSON.parse(new TextDecoder().decode(bytes)))] as const];
      } catch (cause) {
        log(`the content of event ${eventId} cannot be opened`, cause instanceof Error ? cause.name : undefined);
        return [];
      }
    }),
  );
  return new Map(opened.flat());
}
