import { getContentType, isRealMessage, normalizeMessageContent } from "@whiskeysockets/baileys";
import type { SealedContent } from "@sandi/contracts";
import { code } from "./code.ts";
import type { Kind, ReceivedContent, SendContext } from "./kind.ts";
import { location } from "./location.ts";
import { text } from "./text.ts";
import type { WireMessage } from "./wire.ts";

type Kinds = { [Type in SealedContent["type"]]: Kind<Extract<SealedContent, { type: Type }>> };

/** The kinds of content, each in its own file. */
const kinds: Kinds = { text, code, location };

/** The message that WhatsApp is sent; null when it cannot be made of this content. */
export function toProto(content: SealedContent, context: SendContext): WireMessage | null {
  return (kinds[content.type] as Kind<SealedContent>).toProto(content, context);
}

/** Kinds that change or accompany another message, in addition to those that Baileys counts as such. */
const accompanying = new Set(["encReactionMessage", "keepInChatMessage", "pinInChatMessage", "secretEncryptedMessage"]);

/** What a received message says; null when it says nothing of its own, such as a reaction or a key. */
export function fromProto(received: WireMessage): { content: ReceivedContent; isForwarded: boolean } | null {
  const message = normalizeMessageContent(received);
  const kind = getContentType(message);
  if (!message || !kind || accompanying.has(kind) || !isRealMessage({ key: {}, message })) return null;
  const part = message[kind];
  const context = typeof part === "object" && part && "contextInfo" in part ? part.contextInfo : undefined;
  const isForwarded = context?.isForwarded === true || (context?.forwardingScore ?? 0) > 0;
  for (const each of Object.values(kinds)) {
    const content = each.fromProto(message);
    if (content) return { content, isForwarded };
  }
  return { content: { type: "unsupported" }, isForwarded };
}
