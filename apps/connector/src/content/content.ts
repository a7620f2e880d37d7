import { getContentType, isRealMessage, normalizeMessageContent } from "@whiskeysockets/baileys";
import type { SealedContent } from "@sandi/contracts";
import { audio } from "./audio.ts";
import { buttons } from "./buttons.ts";
import { code } from "./code.ts";
import { contacts } from "./contacts.ts";
import { type ReceivedContext, readContext } from "./context.ts";
import { document } from "./document.ts";
import { event } from "./event.ts";
import { image } from "./image.ts";
import type { Kind, ReceivedContent, SendContext } from "./kind.ts";
import { list } from "./list.ts";
import { location } from "./location.ts";
import { poll } from "./poll.ts";
import { reply } from "./reply.ts";
import { sticker } from "./sticker.ts";
import { text } from "./text.ts";
import { video } from "./video.ts";
import { voice } from "./voice.ts";
import type { WireMessage } from "./wire.ts";

/** The job takes the content of another message, so there is none to write here. */
const forward: Kinds["forward"] = { toProto: () => null, fromProto: () => null };

type Kinds = { [Type in SealedContent["type"]]: Kind<Extract<SealedContent, { type: Type }>> };

/** The kinds of content, each in its own file. */
const media = { image, video, audio, voice, document, sticker };
const kinds: Kinds = { text, code, forward, ...media, location, contacts, poll, event, buttons, list };
const readers = [...Object.values(kinds), reply];

/** The message that WhatsApp is sent; null when it cannot be made of this content. */
export function toProto(content: SealedContent, context: SendContext): WireMessage | null {
  return (kinds[content.type] as Kind<SealedContent>).toProto(content, context);
}

/** Kinds that change or accompany another message, in addition to those that Baileys counts as such. */
const accompanying = new Set([
  "albumMessage",
  "encEventResponseMessage",
  "encReactionMessage",
  "keepInChatMessage",
  "pinInChatMessage",
  "secretEncryptedMessage",
]);

/** What a received message says; null when it says nothing of its own, such as a reaction or a key. */
export function fromProto(received: WireMessage): ({ content: ReceivedContent } & ReceivedContext) | null {
  const message = normalizeMessageContent(received);
  const kind = getContentType(message);
  if (!message || !kind || accompanying.has(kind) || !isRealMessage({ key: {}, message })) return null;
  const context = readContext(message[kind]);
  for (const each of readers) {
    const content = each.fromProto(message);
    if (content) return { content, ...context };
  }
  return { content: { type: "unsupported" }, ...context };
}

/** Whether phones show the message once only. */
export const isViewOnce = ({ viewOnceMessage, viewOnceMessageV2, viewOnceMessageV2Extension }: WireMessage): boolean =>
  Boolean(viewOnceMessage ?? viewOnceMessageV2 ?? viewOnceMessageV2Extension);
