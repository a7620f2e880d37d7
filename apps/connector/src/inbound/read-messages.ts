import { AccountNumber, MediaKind, type Person, type StoredMessage, personIdOf } from "@sandi/contracts";
import { fromProto } from "../content/content.ts";
import type { Conversation } from "../store/conversations.ts";
import { type Download, findDownloads } from "../store/downloads.ts";
import { findSentMessages } from "../store/ledger.ts";
import { findMarks, type Mark, markContent } from "../store/marks.ts";
import type { Services } from "../services.ts";
import { findMessages, type MessageRow, openBody, undecryptable } from "../store/messages.ts";
import type { InboundContext, MessageBody } from "./context.ts";
import { openSent } from "./kept-message.ts";
import { ofApi, withDownload, withMedia } from "./message-media.ts";

export type ReadParts = Pick<InboundContext, "store" | "atRest" | "pseudonym" | "conversations"> & {
  services: Pick<Services, "now">;
};

/** What marks hold, by their kinds. */
interface MarkValue {
  emoji?: string;
  options?: string[];
  /** When a pin ends, in milliseconds since the epoch; null: it has ended. */
  pinnedUntil?: number | null;
  isStarred?: boolean;
}

/** A message with the pseudonym of WhatsApp's id. */
export interface Found extends Pick<StoredMessage, "id" | "content" | "quotedMessageId"> {
  waId: string;
  author: string | null;
}

/** Reads messages that were received, and messages that were sent through the API and are no codes. */
export async function readMessages(
  parts: ReadParts,
  sessionId: string,
  ids: readonly string[],
): Promise<StoredMessage[]> {
  const inChats = await openMessages(parts, sessionId, await findMessages(parts.store, sessionId, ids));
  const known = new Set(inChats.map(({ id }) => id));
  const others = ids.filter((id) => !known.has(id));
  return withMarks(parts, sessionId, [...inChats, ...(await sentBefore(parts, sessionId, others))]);
}

/** Messages with what people did with them. */
export async function withMarks(
  parts: ReadParts,
  sessionId: string,
  found: readonly Found[],
): Promise<StoredMessage[]> {
  const now = parts.services.now().getTime();
  const waIds = found.map(({ waId }) => waId);
  const marks = await findMarks(parts.store, sessionId, waIds);
  const authors = found.flatMap(({ author }) => author ?? []);
  const people = await parts.conversations.find(sessionId, [...authors, ...marks.map(({ person }) => person)]);
  const personOf = (id: string | null) => toPerson(id === null ? undefined : people.get(id));
  const opened = await Promise.all(
    marks.map(async ({ waId, kind, person, sealed, eventId, markedAt }) => {
      const text = await markContent.open(parts.atRest(sessionId), sealed, eventId);
      return { waId, kind, person, markedAt, value: JSON.parse(text) as MarkValue };
    }),
  );
  const marksOf = (waId: string, kind: Mark["kind"]) => opened.filter((one) => one.waId === waId && one.kind === kind);
  return found.map(({ waId, author, id, content, quotedMessageId }) => ({
    id,
    content,
    quotedMessageId,
    from: personOf(author),
    reactions: marksOf(waId, "reaction").flatMap(({ person, value: { emoji = "" }, markedAt }) =>
      emoji === "" ? [] : [{ from: personOf(person), emoji, at: markedAt.toISOString() }],
    ),
    votes: marksOf(waId, "vote").flatMap(({ person, value: { options = [] }, markedAt }) =>
      options.length === 0 ? [] : [{ from: personOf(person), options, at: markedAt.toISOString() }],
    ),
    isStarred: marksOf(waId, "star").some(({ value }) => value.isStarred === true),
    isPinned: marksOf(waId, "pin").some(({ value: { pinnedUntil } }) => (pinnedUntil ?? 0) > now),
  }));
}

/** What rows hold, in their order. */
export async function openMessages(
  { store, atRest }: Pick<ReadParts, "store" | "atRest">,
  sessionId: string,
  rows: readonly MessageRow[],
): Promise<(Found & { isForwarded: boolean })[]> {
  const withFile = rows.flatMap(({ type, waId, origin }) =>
    MediaKind.safeParse(type).success && origin !== "api" ? [waId] : [],
  );
  const downloads =
    withFile.length === 0 ? new Map<string, Download>() : await findDownloads(store, sessionId, withFile);
  return Promise.all(
    rows.map(async (row) => {
      const { id, waId, author, origin } = row;
      const body = await openBody<MessageBody>(atRest(sessionId), row);
      const isRead = body !== null && body.content.type !== undecryptable;
      const content = isRead ? shownContent(body, origin, downloads.get(waId)) : null;
      const about = { quotedMessageId: body?.quotedMessageId ?? null, isForwarded: body?.isForwarded ?? false };
      return { id, waId, author, content, ...about };
    }),
  );
}

const shownContent = (body: MessageBody, origin: MessageRow["origin"], download: Download | undefined) =>
  origin === "api" && "media" in body.content ? withMedia(body.content, ofApi) : withDownload(body, download);

/** Messages that were sent before sent messages were kept in their chats: the ledger has them for some days. */
async function sentBefore(parts: ReadParts, sessionId: string, ids: readonly string[]): Promise<Found[]> {
  if (ids.length === 0) return [];
  const rows = await findSentMessages(parts.store, sessionId, ids);
  return Promise.all(
    rows.map(async (entry) => {
      const message = await openSent(parts, entry);
      const content = message && (fromProto(message)?.content ?? null);
      const shown = content && "media" in content ? withMedia(content, ofApi) : content;
      return {
        id: entry.messageId,
        waId: parts.pseudonym(entry.waId),
        author: null,
        content: shown,
        quotedMessageId: null,
      };
    }),
  );
}

/** A conversation as a person; null for an unknown one. */
export const toPerson = (person: Conversation | undefined): Person | null => (person ? personIn(person) : null);

/** A conversation as a person. */
export function personIn(person: Conversation): Person {
  const { pn, lid, name } = person.names;
  const phone = AccountNumber.safeParse(`+${pn?.split("@")[0]}`).data ?? null;
  return { id: personIdOf(person.id), phone, lid, username: null, name: name?.slice(0, 256) ?? null };
}
