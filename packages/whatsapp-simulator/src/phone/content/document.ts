import { z } from "zod";
import { caption, captioned, fileName, type MediaKind, present } from "./media.ts";

const fields = z.object({ caption, fileName });

export const document: MediaKind<typeof fields> = {
  type: "document",
  mimeType: "application/octet-stream",
  fields,
  read({ documentMessage: part }) {
    if (!part) return undefined;
    const name = part.fileName ?? part.title;
    return { part, shown: { ...captioned(part.caption), media: present({ fileName: name }) } };
  },
  write: ({ caption: text, fileName: name = "document" }, part) => ({
    documentMessage: { ...part, fileName: name, title: name, ...present({ caption: text }) },
  }),
};
