import { z } from "zod";
import { type MediaKind, present, seconds } from "./media.ts";

const fields = z.object({ seconds });

export const audio: MediaKind<typeof fields> = {
  type: "audio",
  mimeType: "audio/mpeg",
  fields,
  read({ audioMessage: part }) {
    if (!part || part.ptt) return undefined;
    return { part, shown: { text: "", media: present({ seconds: part.seconds }) } };
  },
  write: (fields_, part) => ({ audioMessage: { ...part, ...present(fields_) } }),
};
