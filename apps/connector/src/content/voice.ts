import type { SealedContent } from "@sandi/contracts";
import type { Kind } from "./kind.ts";
import { known, partOf, receivedMedia } from "./media.ts";

export const voice: Kind<Extract<SealedContent, { type: "voice" }>> = {
  toProto({ isViewOnce }, { file }) {
    if (!file) return null;
    const { seconds, waveform } = file.about;
    const shown = known({ seconds, waveform });
    return { audioMessage: { ...partOf(file), ...shown, ptt: true, ...(isViewOnce ? { viewOnce: true } : {}) } };
  },
  fromProto({ audioMessage: part }) {
    const media = part?.ptt && receivedMedia(part);
    return media ? { type: "voice", media, ...(part.viewOnce ? { isViewOnce: true } : {}) } : null;
  },
};
