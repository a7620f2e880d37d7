import { AccountNumber, type Person, type StoredMessage } from "@sandi/contracts";
import { fromProto } from "../content/content.ts";
import { decode } from "../content/wire.ts";
import { type Conversation, personIdOf } from "../store/conversations.ts";
import { findSentMessages, ledgerMessage } from "../store/ledger.ts";
import { findMarks, type Mark, markContent } from "../store/marks.ts";
import { findMessages, openMessage, undecryptable } from "../store/messages.ts";
import type { InboundContext, MessageBody } from "./context.ts";

type Parts = Pick<InboundContext, "store" | "atRest" | "pseudonym" | "conversations">;

/** A message with the pseudonym of WhatsApp's id. */
interface Found extends Pick<StoredMessage, "id" | "content" | "quotedMessageId"> {
  waId: string;
  author: string | null;
}

/** Reads messages that were received, and messages that were sent through the API and are no codes. */
export async function readMessages(parts: Parts, sessionId: string, ids: readonly string[]): Promise<StoredMessage[]> {
  const found = [...(await received(parts, sessionId, ids)), ...(await sent(parts, sessionId, ids))];
  const waIds = found.map(({ waId }) => waId);
  const marks = await findMarks(parts.store, sessionId, waIds);
  const authors = found.flatMap(({ author }) => author ?? []);
  const people = await parts.conversations.find(sessionId, [...authors, ...marks.map(({ person }) => person)]);
  const personOf = (id: string | null) => toPerson(id === null ? undefined : people.get(id));
  const opened = await Promise.all(
    marks.map(async ({ waId, kind, person, sealed, eventId, markedAt }) => {
      const text = await markContent.open(parts.atRest(sessionId), sealed, eventId);
      return { waId, kind, person, markedAt, value: JSON.parse(text) as { emoji?: string; options?: string[] } };
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
  }));
}

async function received({ store, atRest }: Parts, sessionId: string, ids: readonly string[]): Promise<Found[]> {
  const rows = await findMessages(store, sessionId, ids);
  return Promise.all(
    rows.map(async (row) => {
      const { id, waId, author } = row;
      const body = await openMessage<MessageBody>(atRest(sessionId), row);
      const content = body && body.content.type !== undecryptable ? body.content : null;
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
      return { id: messageId, waId: pseudonym(waId), author: null, content, quotedMessageId: null };
    }),
  );
}

export function toPerson(person: Conversation | undefined): Person | null {
  if (!person) return null;
  const { pn, lid, name } = person.names;
  const phone = AccountNumber.safeParse(`+${pn?.split("@")[0]}`).data ?? null;
  return { id: personIdOf(person.id), phone, lid, username: null, name: name?.slice(0, 256) ?? null };
}
