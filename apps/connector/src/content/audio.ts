import type { SealedContent } from "@sandi/contracts";
import type { Kind } from "./kind.ts";
import { known, partOf, receivedMedia } from "./media.ts";

export const audio: Kind<Extract<SealedContent, { type: "audio" }>> = {
  toProto(_, { file }) {
    return file && { audioMessage: { ...partOf(file), ...known({ seconds: file.about.seconds }) } };
  },
  fromProto({ audioMessage: part }) {
    const media = part && !part.ptt && receivedMedia(part);
    return media ? { type: "audio", media } : null;
  },
};
