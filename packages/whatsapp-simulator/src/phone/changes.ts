import { normalizeMessageContent, proto } from "@whiskeysockets/baileys";
import type { ChatMessage } from "../api.ts";
import type { World } from "../world.ts";
import { type Content, shownContent } from "./content/content.ts";
import type { NameOf } from "./content/context.ts";
import type { Phone } from "./phone.ts";
import { openEdit, openVote } from "./secrets.ts";
import { showChange } from "./show.ts";

/** Who changes a message of a chat, and when (ISO 8601). */
interface Change {
  chat: string;
  actor: Phone;
  at: string;
  /** Group admins may delete what others wrote. */
  isAdmin: boolean;
}

/** What a change makes of the message that the chat shows; undefined when the actor may not, or it cannot be read. */
type Effect = (message: ChatMessage, original: Content | undefined) => Partial<ChatMessage> | "revoked" | undefined;

/**
 * Applies a content that changes an earlier message: a reaction, an edit, a deletion, a pin, a vote. False when it is
 * no such content.
 */
export function applyChange(world: World, phone: Phone, content: Content, change: Change): boolean {
  const found = effectOf(world, normalizeMessageContent(content) ?? content, change);
  if (!found) return false;
  const message = phone.chat.find(change.chat, found.id);
  if (!message || message.kind === "revoked") return true;
  const effect = found.effect(message, phone.chat.contentOf(change.chat, found.id));
  if (effect === undefined) return true;
  showChange(world, phone, message, effect);
  return true;
}

function effectOf(world: World, content: Content, change: Change): { id: string; effect: Effect } | undefined {
  const { reactionMessage, protocolMessage, pinInChatMessage, pollUpdateMessage, secretEncryptedMessage } = content;
  const { Type } = proto.Message.ProtocolMessage;
  const from = change.actor.e164;
  const nameOf = (jid: string) => world.phones.nameOf(jid);
  const about = (id: string, message: ChatMessage, original: Content | undefined) => {
    const author = world.phones.byNumber(message.from.slice(1));
    const secret = original?.messageContextInfo?.messageSecret;
    return author && secret?.length ? { id, secret, author, actor: change.actor } : undefined;
  };
  if (reactionMessage?.key?.id) {
    const emoji = reactionMessage.text ?? "";
    return {
      id: reactionMessage.key.id,
      effect: ({ reactions = [] }) => ({
        reactions: [...reactions.filter((each) => each.from !== from), ...(emoji ? [{ from, emoji }] : [])],
      }),
    };
  }
  if (protocolMessage?.key?.id && protocolMessage.type === Type.REVOKE) {
    return {
      id: protocolMessage.key.id,
      effect: (message) => (message.from === from || change.isAdmin ? "revoked" : undefined),
    };
  }
  if (protocolMessage?.key?.id && protocolMessage.type === Type.MESSAGE_EDIT && protocolMessage.editedMessage) {
    const edited = protocolMessage.editedMessage;
    return { id: protocolMessage.key.id, effect: (message) => editOf(message, edited, { ...change, nameOf }) };
  }
  if (secretEncryptedMessage?.targetMessageKey?.id) {
    const { id } = secretEncryptedMessage.targetMessageKey;
    return {
      id,
      effect(message, original) {
        const known = about(id, message, original);
        const opened = known && openEdit(known, secretEncryptedMessage);
        const edited = opened?.protocolMessage?.editedMessage ?? opened;
        return edited && editOf(message, edited, { ...change, nameOf });
      },
    };
  }
  if (pinInChatMessage?.key?.id) {
    const { Type: PinType } = proto.Message.PinInChatMessage;
    return {
      id: pinInChatMessage.key.id,
      effect: () => ({ isPinned: pinInChatMessage.type === PinType.PIN_FOR_ALL }),
    };
  }
  if (pollUpdateMessage?.pollCreationMessageKey?.id && pollUpdateMessage.vote) {
    const { vote } = pollUpdateMessage;
    const { id } = pollUpdateMessage.pollCreationMessageKey;
    return {
      id,
      effect(message, original) {
        const known = about(id, message, original);
        const options = known && original && openVote(known, vote, pollOptions(original));
        if (!options) return undefined;
        const others = (message.votes ?? []).filter((each) => each.from !== from);
        return { votes: options.length > 0 ? [...others, { from, options }] : others };
      },
    };
  }
  return undefined;
}

function editOf(
  message: ChatMessage,
  edited: Content,
  { actor, at, nameOf }: Change & { nameOf: NameOf },
): Partial<ChatMessage> | undefined {
  if (message.from !== actor.e164) return undefined;
  const shown = shownContent(edited, nameOf);
  if (!shown) return undefined;
  const { text } = shown;
  // The edit of a caption does not always repeat the file.
  const isCaption = "media" in message;
  return { ...(isCaption ? { text, ...(text && { caption: text }) } : shown), editedAt: at };
}

/** The names of a poll's options. */
export function pollOptions(content: Content): string[] {
  const plain = normalizeMessageContent(content) ?? content;
  const poll = plain.pollCreationMessage ?? plain.pollCreationMessageV2 ?? plain.pollCreationMessageV3;
  return (poll?.options ?? []).map(({ optionName }) => optionName ?? "");
}
