import type { AtRest } from "@sandi/crypto";
import type { Logger } from "pino";
import type { Deliveries } from "../deliveries/deliveries.ts";
import type { NumberedTexts } from "../deliveries/numbered.ts";
import type { ReceivedMessage, Said } from "../baileys/receive-messages.ts";
import { namesIn } from "../content/jids.ts";
import type { ReceivedFile } from "../content/media.ts";
import type { FileMessage } from "../media/store-inbound.ts";
import type { Services } from "../services.ts";
import type { Chats } from "../store/chats.ts";
import type { Conversation, Conversations } from "../store/conversations.ts";
import type { Erased } from "../store/erased.ts";
import type { Fence } from "../store/fence.ts";
import type { Pseudonym } from "../store/pseudonyms.ts";
import type { Store } from "../store/store.ts";

/** What the room works with. */
export interface InboundContext {
  services: Pick<Services, "now" | "newId" | "after">;
  logger: Pick<Logger, "warn">;
  store: Store;
  atRest: (sessionId: string) => AtRest;
  pseudonym: Pseudonym;
  chats: Chats;
  conversations: Conversations;
  deliveries: Pick<Deliveries, "message" | "revoked">;
  erased: Pick<Erased, "covers">;
  numbered: Pick<NumberedTexts, "find">;
  /** The time of a new message's position. */
  idTimeOf: (sessionId: string, at: Date, now: Date) => Date;
  /** There is something in the outbox. */
  onAppended: () => void;
  /** The file of a stored message may be due. */
  onFile: (sessionId: string) => void;
}

/** What a change of a message needs. */
export type ChangeContext = Omit<InboundContext, "chats" | "idTimeOf" | "logger" | "numbered" | "erased" | "onFile">;

/** What is sealed of a message, for later calls about it. */
export interface MessageBody extends Pick<Extract<Said, { content: unknown }>, "content" | "mentions" | "isForwarded"> {
  /** WhatsApp's id of it. */
  waId: string;
  /** Our id of the quoted message; null when it is unknown, or there is none. */
  quotedMessageId: string | null;
  /** In base64; null: it has none. */
  secret: string | null;
  /** Absent without a file that can be fetched, and in messages that were stored before December 2026. */
  file?: ReceivedFile & Pick<FileMessage, "chat" | "fromMe" | "participant">;
  /** How often it was forwarded; absent: never, or it was stored before December 2026. */
  forwardings?: number;
  /** The author's jid as the message names it; null for the account itself. Absent in messages that were stored before December 2026. */
  by?: string | null;
}

/** The time of a message. One in the future, or an invalid one, becomes the present. */
export function timeOf(at: Date, now: Date): Date {
  return new Date(Math.min(at.getTime() || now.getTime(), now.getTime()));
}

/** Who is in a message: its chat, and its author (null: the account itself). */
export async function placeOf(
  { conversations }: Pick<InboundContext, "conversations">,
  fence: Fence,
  { group, origin, names, pushName }: Pick<ReceivedMessage, "group" | "origin" | "names" | "pushName">,
) {
  const { pn, lid } = namesIn(names);
  const named = names.length > 0 ? await conversations.met(fence, { pn, lid, name: pushName }) : null;
  const chat = group === null ? named : await conversations.met(fence, { group });
  if (!chat) throw new TypeError("a chat of two has another person");
  const author: Conversation | null = origin === null ? (named?.conversation ?? null) : null;
  const all = chat === named ? [chat] : [chat, ...(named ? [named] : [])];
  return { chat: chat.conversation, author, statements: all.flatMap(({ statements }) => statements) };
}
