import type { SealedContent } from "@sandi/contracts";
import type { Kind } from "./kind.ts";
import { known, partOf, receivedMedia } from "./media.ts";

export const sticker: Kind<Extract<SealedContent, { type: "sticker" }>> = {
  toProto(_, { file }) {
    if (!file) return null;
    const { width, height, isAnimated } = file.about;
    return { stickerMessage: { ...partOf(file), ...known({ width, height, isAnimated }) } };
  },
  fromProto({ stickerMessage: part }) {
    const media = part && receivedMedia(part);
    return media ? { type: "sticker", media } : null;
  },
};
