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

export function decodeMessage(bytes: Uint8Array): proto.IMessage {
  return proto.Message.decode(bytes);
}
