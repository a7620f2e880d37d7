import { AccountNumber, MediaKind, type Person, type StoredMessage } from "@sandi/contracts";
import { fromProto } from "../content/content.ts";
import { decode } from "../content/wire.ts";
import { type Conversation, personIdOf } from "../store/conversations.ts";
import { type Download, findDownloads } from "../store/downloads.ts";
import { findSentMessages, ledgerMessage } from "../store/ledger.ts";
import { findMarks, type Mark, markContent } from "../store/marks.ts";
import type { Services } from "../services.ts";
import { findMessages, openMessage, undecryptable } from "../store/messages.ts";
import type { InboundContext, MessageBody } from "./context.ts";
import { ofApi, withDownload, withMedia } from "./message-media.ts";

type Parts = Pick<InboundContext, "store" | "atRest" | "pseudonym" | "conversations"> & {
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
interface Found extends Pick<StoredMessage, "id" | "content" | "quotedMessageId"> {
  waId: string;
  author: string | null;
}

/** Reads messages that were received, and messages that were sent through the API and are no codes. */
export async function readMessages(parts: Parts, sessionId: string, ids: readonly string[]): Promise<StoredMessage[]> {
  const now = parts.services.now().getTime();
  const found = [...(await received(parts, sessionId, ids)), ...(await sent(parts, sessionId, ids))];
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

async function received({ store, atRest }: Parts, sessionId: string, ids: readonly string[]): Promise<Found[]> {
  const rows = await findMessages(store, sessionId, ids);
  const withFile = rows.flatMap(({ type, waId }) => (MediaKind.safeParse(type).success ? [waId] : []));
  const downloads =
    withFile.length === 0 ? new Map<string, Download>() : await findDownloads(store, sessionId, withFile);
  return Promise.all(
    rows.map(async (row) => {
      const { id, waId, author } = row;
      const body = await openMessage<MessageBody>(atRest(sessionId), row);
      const content = body && body.content.type !== undecryptable ? withDownload(body, downloads.get(waId)) : null;
      return { id, waId, author, content, quotedMessageId: body?.quotedMessageId ?? null };
    }),
  );
}

async function sent({ store, atRest, pseudonym }: Parts, sessionId: string, ids: readonly string[]): Promise<Found[]> {
  const rows = await findSentMessages(store, sessionId, ids);
  return Promise.all(
    rows.map(async ({ messageId, waId, sealed }) => {
      const bytes = sealed && (await atRest(sessionId).open(sealed, ledgerMessage.context(waId)));
      const content = bytes ? (fromProto(decode(bytes))?.content ?? null) : null;
      const shown = content && "media" in content ? withMedia(content, ofApi) : content;
      return { id: messageId, waId: pseudonym(waId), author: null, content: shown, quotedMessageId: null };
    }),
  );
}

export function toPerson(person: Conversation | undefined): Person | null {
  if (!person) return null;
  const { pn, lid, name } = person.names;
  const phone = AccountNumber.safeParse(`+${pn?.split("@")[0]}`).data ?? null;
  return { id: personIdOf(person.id), phone, lid, username: null, name: name?.slice(0, 256) ?? null };
}
