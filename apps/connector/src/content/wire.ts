import { proto } from "@whiskeysockets/baileys";

/** A message as WhatsApp's protocol has it. */
export type WireMessage = proto.IMessage;

export function encode(message: WireMessage): Uint8Array<ArrayBuffer> {
  return new Uint8Array(proto.Message.encode(message).finish());
}

export function decode(bytes: Uint8Array): WireMessage {
  return proto.Message.decode(bytes);
}
