import { createHash } from "node:crypto";
import { createId, personIdOf } from "@sandi/contracts";
import type { ReceivedMessage, Said } from "../baileys/receive-messages.ts";
import { type Fence, writeFenced } from "../store/fence.ts";
import { newDownloadStatement } from "../store/downloads.ts";
import { latestStatement } from "../store/latest-chats.ts";
import { eventOfStatement, findMessage, messageContent, messageStatement, positionOf } from "../store/messages.ts";
import type { NewEvent } from "../store/outbox.ts";
import { sealContent, sealEvent } from "../store/sealed-events.ts";
import { type InboundContext, type MessageBody, placeOf, timeOf } from "./context.ts";
import { receivedContent } from "./event-content.ts";
import { contentTokens } from "./message-words.ts";
import { findReceivedOrSent } from "./received-or-sent.ts";
import { numberedReply } from "./numbered-reply.ts";
import { personIn } from "./read-messages.ts";

type Spoken = Extract<Said, { content: unknown }>;

/** Stores a message of a chat, and reports that it is there. One that could not be read before gets its content. */
export async function storeMessage(
  context: InboundContext,
  fence: Fence,
  { said, ...message }: Omit<ReceivedMessage, "said"> & { said: Spoken },
): Promise<void> {
  const { services, store, atRest, pseudonym, chats } = context;
  const { sessionId } = fence;
  const { group, origin, names, isOffline } = message;
  const now = services.now();
  const at = timeOf(message.at, now);
  const waId = pseudonym(message.waId);
  const { chat, author, statements } = await placeOf(context, fence, message);
  const known = await findMessage(store, sessionId, waId);
  const id = known?.id ?? messageIdOf(sessionId, message.waId, context.idTimeOf(sessionId, at, now));
  const choice = await numberedReply(context, sessionId, { ...message, said, chat });
  const quotedMessage = said.quoted && (await findReceivedOrSent(context, sessionId, said.quoted.waId));
  const quoted = choice?.messageId ?? quotedMessage?.messageId ?? null;
  const { mentions, isForwarded, isViewOnce, secret } = said;
  const content = choice?.reply ?? said.content;
  const body: MessageBody = {
    waId: message.waId,
    content,
    mentions,
    isForwarded,
    quotedMessageId: quoted,
    secret: secret && Buffer.from(secret).toString("base64"),
    ...(said.file ? { file: { ...said.file, ...addressOf(message) } } : {}),
    ...(said.forwardings > 0 ? { forwardings: said.forwardings } : {}),
    by: origin === null ? (names[0] ?? null) : null,
  };
  const { type } = content;
  const sealed = await messageContent.seal(atRest(sessionId), JSON.stringify(body), id);
  const eventId = services.newId("evt");
  const personId = author && personIdOf(author.id);
  const kind = group === null ? "person" : "group";
  const about = { sessionId, at: at.toISOString() };
  const events: NewEvent[] = [
    {
      ...about,
      id: eventId,
      type: "message.received",
      from: origin === null ? message.from : null,
      token: null,
      isForwarded,
      message: {
        messageId: id,
        chatId: chat.id,
        chatKind: kind,
        personId,
        origin,
        to: origin === null || group !== null ? null : message.from,
        type,
        isViewOnce,
        isOffline,
      },
    },
  ];
  const contents = [await receivedContent(context, sessionId, { body, author })];
  if (content.type === "reply" && quoted !== null) {
    const replied = { id: services.newId("evt"), type: "message.reply", messageId: quoted, replyId: id } as const;
    events.push({ ...about, ...replied, personId });
    const { id: optionId, text } = content;
    contents.push({ change: { from: author && personIn(author), choice: { id: optionId, text } } });
  }
  const reported = await Promise.all(
    events.map(async (event, i) => ({
      body: await sealEvent(atRest(sessionId), event),
      content: contents[i] ? await sealContent(atRest(sessionId), event.id, contents[i]) : null,
    })),
  );
  const position = positionOf(id);
  const words = contentTokens(pseudonym, sessionId, content);
  const place = { conversationId: chat.id, author: author?.id ?? null, position, origin };
  const row = { waId, id, ...place, type, sealed, words, eventId, at: now };
  await writeFenced(store, fence, [
    ...statements,
    messageStatement(fence, row),
    latestStatement(fence, { conversationId: chat.id, kind, position }),
    ...(said.file ? [newDownloadStatement(fence, { waId, eventId, at: now })] : []),
    ...reported.map((event) => eventOfStatement(fence, { waId, eventId, at: now, ...event })),
    ...(origin === null && group === null ? chats.wrote(fence, names) : []),
  ]);
  context.onAppended();
  if (said.file) context.onFile(sessionId);
}

/** Where the account's phone looks for a message when it is asked for its file. */
function addressOf({ group, origin, names }: Pick<ReceivedMessage, "group" | "origin" | "names">) {
  const [name = ""] = names;
  const isOfOther = group !== null && origin === null;
  return { chat: group ?? name, fromMe: origin !== null, ...(isOfOther ? { participant: name } : {}) };
}

/** The id of a new message, which sorts by its time. A message that WhatsApp delivers again keeps the stored id. */
function messageIdOf(sessionId: string, waId: string, at: Date): string {
  const digest = createHash("sha256").update(`${sessionId} ${waId}`).digest();
  return createId("msg", at, digest.subarray(0, 10));
}
