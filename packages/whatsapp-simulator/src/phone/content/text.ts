import { z } from "zod";
import type { Kind } from "./kind.ts";

const fields = z.object({ text: z.string().min(1).max(65_536) });

export const text: Kind<typeof fields> = {
  fields,
  read({ conversation, extendedTextMessage }) {
    if (typeof conversation === "string" && conversation !== "") return { text: conversation };
    return extendedTextMessage ? { text: extendedTextMessage.text ?? "" } : undefined;
  },
  write: (written) => ({ conversation: written.text }),
};
