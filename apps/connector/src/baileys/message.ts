import { createHash } from "node:crypto";
import { proto } from "@whiskeysockets/baileys";

/** The id under which WhatsApp knows a message of ours: always the same, so that a second send is the same message. */
export function whatsappId(messageId: string): string {
  return `3EB0${createHash("sha256").update(messageId).digest("hex").toUpperCase().slice(0, 18)}`;
}

/** A text message as it is encrypted. @param secret 32 random bytes, for what may refer to it later */
export function textMessage(text: string, secret: Uint8Array): Uint8Array<ArrayBuffer> {
  const message = { extendedTextMessage: { text }, messageContextInfo: { messageSecret: secret } };
  return new Uint8Array(proto.Message.encode(message).finish());
}

const mirror = (digit: string) => (15 - Number.parseInt(digit, 16)).toString(16).toUpperCase();

/**
 * The id of the message that takes another one back: always the same, so that a second one changes nothing, and its own
 * inverse, so that a device that asks for it again leads to what it was about.
 */
export function revocationId(waId: string): string {
  return waId.slice(0, 4) + waId.slice(4).replaceAll(/[0-9A-F]/g, mirror);
}

/** The message that takes another one of ours back for everyone. */
export function revocationMessage(chat: string, waId: string): Uint8Array<ArrayBuffer> {
  const { REVOKE } = proto.Message.ProtocolMessage.Type;
  const message = { protocolMessage: { type: REVOKE, key: { remoteJid: chat, fromMe: true, id: waId } } };
  return new Uint8Array(proto.Message.encode(message).finish());
}

export function decodeMessage(bytes: Uint8Array): proto.IMessage {
  return proto.Message.decode(bytes);
}
