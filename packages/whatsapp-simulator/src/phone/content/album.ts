import { proto } from "@whiskeysockets/baileys";
import { z } from "zod";
import type { Content, Kind } from "./kind.ts";

const { MEDIA_ALBUM } = proto.MessageAssociation.AssociationType;
const fields = z.object({ images: z.int().min(0).default(0), videos: z.int().min(0).default(0) });

/** The first message of an album: how many pictures and films follow. */
export const album: Kind<typeof fields> = {
  fields,
  read({ albumMessage }) {
    if (!albumMessage) return undefined;
    const [images, videos] = [albumMessage.expectedImageCount ?? 0, albumMessage.expectedVideoCount ?? 0];
    return { text: `${images} pictures, ${videos} films`, images, videos };
  },
  write: ({ images, videos }) => ({ albumMessage: { expectedImageCount: images, expectedVideoCount: videos } }),
};

/** The album that a content belongs to, by the id of its first message. */
export function albumIdOf({ messageContextInfo }: Content): string | undefined {
  const { associationType, parentMessageKey } = messageContextInfo?.messageAssociation ?? {};
  return associationType === MEDIA_ALBUM ? (parentMessageKey?.id ?? undefined) : undefined;
}

/** The content as a part of an own album. */
export function inAlbum(content: Content, { remoteJid, id }: { remoteJid: string; id: string }): Content {
  const messageAssociation = { associationType: MEDIA_ALBUM, parentMessageKey: { remoteJid, fromMe: true, id } };
  return { ...content, messageContextInfo: { ...content.messageContextInfo, messageAssociation } };
}
