import { proto } from "@whiskeysockets/baileys";
import type { WireMessage } from "./wire.ts";

const { MEDIA_ALBUM } = proto.MessageAssociation.AssociationType;

/** The message that opens an album. It shows nothing by itself, and says how many files follow. */
export const albumMessage = ({ images, videos }: { images: number; videos: number }): WireMessage => ({
  albumMessage: { expectedImageCount: images, expectedVideoCount: videos },
});

/** The message as a part of the album that our message with this id opens. */
export function inAlbum(message: WireMessage, { chat, waId }: { chat: string; waId: string }): WireMessage {
  const parentMessageKey = { remoteJid: chat, fromMe: true, id: waId };
  const messageAssociation = { associationType: MEDIA_ALBUM, parentMessageKey };
  return { ...message, messageContextInfo: { ...message.messageContextInfo, messageAssociation } };
}

/** The album that a received message belongs to, by WhatsApp's id; nothing when it is in none. */
export function albumOf({ messageContextInfo }: WireMessage): { album?: { id: string } } {
  const { associationType, parentMessageKey } = messageContextInfo?.messageAssociation ?? {};
  return associationType === MEDIA_ALBUM && parentMessageKey?.id ? { album: { id: parentMessageKey.id } } : {};
}
