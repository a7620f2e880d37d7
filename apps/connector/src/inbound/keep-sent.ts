import type { InStatement } from "@libsql/client";
import { createId } from "@sandi/contracts";
import { fromProto } from "../content/content.ts";
import type { WireMessage } from "../content/wire.ts";
import type { Conversation } from "../store/conversations.ts";
import type { Fence } from "../store/fence.ts";
import { latestStatement } from "../store/latest-chats.ts";
import { messageContent, positionOf, sentMessageStatement } from "../store/messages.ts";
import type { InboundContext, MessageBody } from "./context.ts";
import { contentTokens } from "./message-words.ts";

/** A message that is sent through the API, and is no code. */
interface Sent {
  messageId: string;
  waId: string;
  /** Of the recipient; it is stored already. */
  conversation: Conversation;
  /** Of the content that was accepted: choices may be sent as a text. Null: as the message says. */
  type: string | null;
  message: WireMessage;
  quotedMessageId: string | null;
}

/** The statements that keep a message that is about to be sent, beside those that people write. */
export type KeepSent = (fence: Fence, sent: Sent) => Promise<InStatement[]>;

type Parts = Pick<InboundContext, "services" | "atRest" | "pseudonym" | "idTimeOf">;

export function createKeepSent({ services, atRest, pseudonym, idTimeOf }: Parts): KeepSent {
  return async (fence, { messageId, waId, conversation, type, message, quotedMessageId }) => {
    const { sessionId } = fence;
    const read = fromProto(message);
    if (!read) return [];
    const { content, mentions, forwardings } = read;
    const secret = message.messageContextInfo?.messageSecret;
    const body: MessageBody = {
      waId,
      content,
      mentions,
      isForwarded: read.isForwarded,
      quotedMessageId,
      secret: secret ? Buffer.from(secret).toString("base64") : null,
      ...(forwardings > 0 ? { forwardings } : {}),
      by: null,
    };
    const at = services.now();
    const position = sentPosition(messageId, idTimeOf(sessionId, at, at));
    return [
      sentMessageStatement(fence, {
        waId: pseudonym(waId),
        id: messageId,
        conversationId: conversation.id,
        type: type ?? content.type,
        sealed: await messageContent.seal(atRest(sessionId), JSON.stringify(body), messageId),
        words: contentTokens(pseudonym, sessionId, content),
        at,
        position,
      }),
      latestStatement(fence, {
        conversationId: conversation.id,
        kind: conversation.names.group === null ? "person" : "group",
        position,
      }),
    ];
  };
}

const timeDigits = 10;

/** The id of the message sorts by the time of the request, but a message may be sent days later. */
const sentPosition = (messageId: string, at: Date): string =>
  positionOf(createId("msg", at, new Uint8Array(10))).slice(0, timeDigits) + positionOf(messageId).slice(timeDigits);
