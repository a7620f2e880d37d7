import type { SealedContent } from "@sandi/contracts";
import { albumOf } from "./album.ts";
import type { Kind } from "./kind.ts";
import { known, partOf, receivedMedia } from "./media.ts";

export const video: Kind<Extract<SealedContent, { type: "video" }>> = {
  toProto({ caption, isViewOnce, isGif, isNote }, { file }) {
    if (!file) return null;
    const { width, height, seconds, thumbnail } = file.about;
    const part = {
      ...partOf(file),
      ...known({ caption, width, height, seconds, jpegThumbnail: thumbnail }),
      ...(isViewOnce ? { viewOnce: true } : {}),
      ...(isGif ? { gifPlayback: true } : {}),
    };
    return isNote ? { ptvMessage: part } : { videoMessage: part };
  },
  fromProto(message) {
    const { videoMessage, ptvMessage } = message;
    const part = ptvMessage ?? videoMessage;
    const media = part && receivedMedia(part);
    if (!media) return null;
    const { caption, viewOnce, gifPlayback } = part;
    return {
      type: "video",
      media,
      ...(caption ? { caption } : {}),
      ...(viewOnce ? { isViewOnce: true } : {}),
      ...(gifPlayback ? { isGif: true } : {}),
      ...(ptvMessage ? { isNote: true } : {}),
      ...albumOf(message),
    };
  },
};
