import type { SealedContent } from "@sandi/contracts";
import type { Kind } from "./kind.ts";
import { known, partOf, receivedMedia } from "./media.ts";

export const document: Kind<Extract<SealedContent, { type: "document" }>> = {
  toProto({ caption, fileName, media }, { file }) {
    if (!file) return null;
    const name = fileName ?? media.fileName ?? "file";
    return { documentMessage: { ...partOf(file), ...known({ caption }), fileName: name, title: name } };
  },
  fromProto({ documentMessage: part }) {
    const media = part && receivedMedia(part);
    if (!media) return null;
    const { fileName } = media;
    return {
      type: "document",
      media,
      ...(part.caption ? { caption: part.caption } : {}),
      ...(fileName === undefined ? {} : { fileName }),
    };
  },
};
