import type { SealedContent } from "@sandi/contracts";
import { albumOf } from "./album.ts";
import type { Kind } from "./kind.ts";
import { known, partOf, receivedMedia } from "./media.ts";

export const image: Kind<Extract<SealedContent, { type: "image" }>> = {
  toProto({ caption, isViewOnce }, { file }) {
    if (!file) return null;
    const { width, height, thumbnail } = file.about;
    const shown = known({ caption, width, height, jpegThumbnail: thumbnail });
    return { imageMessage: { ...partOf(file), ...shown, ...(isViewOnce ? { viewOnce: true } : {}) } };
  },
  fromProto(message) {
    const { imageMessage: part } = message;
    const media = part && receivedMedia(part);
    if (!media) return null;
    const { caption, viewOnce } = part;
    return {
      type: "image",
      media,
      ...(caption ? { caption } : {}),
      ...(viewOnce ? { isViewOnce: true } : {}),
      ...albumOf(message),
    };
  },
};
