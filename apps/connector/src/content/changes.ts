import { normalizeMessageContent, proto } from "@whiskeysockets/baileys";
import type { WireMessage } from "./wire.ts";

/** A content that is encrypted with the secret of an earlier message. */
export interface Encrypted {
  payload: Uint8Array;
  iv: Uint8Array;
}

/** What somebody does with an earlier message. `target` is WhatsApp's id of it. */
export type Change = { target: string } & (
  | { type: "edit"; message: WireMessage }
  | { type: "encryptedEdit"; encrypted: Encrypted }
  | { type: "revoke" }
  /** Empty: the reaction is taken back. */
  | { type: "reaction"; emoji: string; at: number }
  | { type: "vote"; encrypted: Encrypted; at: number }
  /** For so many seconds; null: the pin ends. */
  | { type: "pin"; seconds: number | null; at: number }
);

const { Type } = proto.Message.ProtocolMessage;
const { SecretEncType } = proto.Message.SecretEncryptedMessage;
const { Type: PinType } = proto.Message.PinInChatMessage;
/** Of an emoji. Senders can write a text of any length. */
const mostEmoji = 64;
/** Phones pin for a week unless they say something else. */
const usualPinSeconds = 604_800;

/** The change in a received message; null when it changes nothing. */
export function changeIn(received: WireMessage): Change | null {
  const message = normalizeMessageContent(received);
  const { protocolMessage, reactionMessage, secretEncryptedMessage, pollUpdateMessage, pinInChatMessage } =
    message ?? {};
  if (protocolMessage?.key?.id) {
    const target = protocolMessage.key.id;
    if (protocolMessage.type === Type.REVOKE) return { type: "revoke", target };
    const edited = protocolMessage.type === Type.MESSAGE_EDIT ? protocolMessage.editedMessage : null;
    return edited ? { type: "edit", target, message: edited } : null;
  }
  if (reactionMessage?.key?.id) {
    const { key, text, senderTimestampMs } = reactionMessage;
    return {
      type: "reaction",
      target: key.id!,
      emoji: (text ?? "").slice(0, mostEmoji).toWellFormed(),
      at: Number(senderTimestampMs ?? 0),
    };
  }
  if (secretEncryptedMessage?.targetMessageKey?.id) {
    const { targetMessageKey, encPayload, encIv, secretEncType } = secretEncryptedMessage;
    if (secretEncType !== SecretEncType.MESSAGE_EDIT || !encPayload || !encIv) return null;
    return { type: "encryptedEdit", target: targetMessageKey.id!, encrypted: { payload: encPayload, iv: encIv } };
  }
  if (pollUpdateMessage?.pollCreationMessageKey?.id) {
    const { pollCreationMessageKey, vote, senderTimestampMs } = pollUpdateMessage;
    if (!vote?.encPayload || !vote.encIv) return null;
    const encrypted = { payload: vote.encPayload, iv: vote.encIv };
    return { type: "vote", target: pollCreationMessageKey.id!, encrypted, at: Number(senderTimestampMs ?? 0) };
  }
  if (pinInChatMessage?.key?.id) {
    const { key, type, senderTimestampMs } = pinInChatMessage;
    if (type !== PinType.PIN_FOR_ALL && type !== PinType.UNPIN_FOR_ALL) return null;
    const seconds = received.messageContextInfo?.messageAddOnDurationInSecs || usualPinSeconds;
    const pinned = type === PinType.PIN_FOR_ALL ? seconds : null;
    return { type: "pin", target: key.id!, seconds: pinned, at: Number(senderTimestampMs ?? 0) };
  }
  return null;
}

/** How a change names its message; null when it changes none. */
export function keyIn(received: WireMessage): proto.IMessageKey | null {
  const { protocolMessage, reactionMessage, pollUpdateMessage, pinInChatMessage } =
    normalizeMessageContent(received) ?? {};
  const key = protocolMessage?.key ?? reactionMessage?.key ?? pinInChatMessage?.key;
  return key ?? pollUpdateMessage?.pollCreationMessageKey ?? null;
}

/** The message inside an edit that was decrypted. */
export function editedIn(opened: WireMessage): WireMessage {
  return normalizeMessageContent(opened)?.protocolMessage?.editedMessage ?? opened;
}
