import { proto } from "@whiskeysockets/baileys";
import type { WireMessage } from "./wire.ts";

/** The message that revokes another one of ours for everyone. */
export function revocation(chat: string, waId: string): WireMessage {
  const { REVOKE } = proto.Message.ProtocolMessage.Type;
  return { protocolMessage: { type: REVOKE, key: { remoteJid: chat, fromMe: true, id: waId } } };
}
