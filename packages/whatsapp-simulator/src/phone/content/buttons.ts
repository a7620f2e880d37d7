import { z } from "zod";
import type { Kind } from "./kind.ts";
import { readFlow, writeFlow } from "./native-flow.ts";

const line = z.string().min(1).max(1000);
const fields = z.object({
  text: z.string().min(1).max(4096),
  footer: line.optional(),
  buttons: z
    .array(z.strictObject({ id: line, text: line }))
    .min(1)
    .max(3),
});
const parameters = z.object({ display_text: z.string().min(1), id: z.string().min(1) });

export const buttons: Kind<typeof fields> = {
  fields,
  read(content) {
    const flow = readFlow(content, { name: "quick_reply", parameters });
    if (!flow) return undefined;
    const { text, footer, buttons: all } = flow;
    const shown = all.map(({ id, display_text: words }) => ({ id, text: words }));
    return { text, ...(footer !== undefined && { footer }), buttons: shown };
  },
  write: ({ text, footer, buttons: all }) =>
    writeFlow("quick_reply", {
      text,
      footer,
      buttons: all.map(({ id, text: words }) => ({ display_text: words, id })),
    }),
};
