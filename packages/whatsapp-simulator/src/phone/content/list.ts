import { z } from "zod";
import type { Kind } from "./kind.ts";
import { readFlow, writeFlow } from "./native-flow.ts";

const line = z.string().min(1).max(1000);
const row = z.strictObject({ id: line, title: line, description: line.optional() });
const fields = z.object({
  text: z.string().min(1).max(4096),
  buttonText: line,
  footer: line.optional(),
  sections: z
    .array(z.strictObject({ title: line.optional(), rows: z.array(row).min(1).max(10) }))
    .min(1)
    .max(10),
});
const words = z.string().default("");
const parameters = z.object({
  title: z.string().min(1),
  sections: z.array(
    z.object({
      title: words,
      rows: z.array(z.object({ id: z.string().min(1), title: z.string().min(1), description: words })),
    }),
  ),
});

export const list: Kind<typeof fields> = {
  fields,
  read(content) {
    const flow = readFlow(content, { name: "single_select", parameters });
    const only = flow?.buttons[0];
    if (!flow || !only) return undefined;
    const sections = only.sections.map(({ title, rows }) => ({
      ...(title !== "" && { title }),
      rows: rows.map(({ description, ...shown }) => ({ ...shown, ...(description !== "" && { description }) })),
    }));
    const { text, footer } = flow;
    return { text, buttonText: only.title, ...(footer !== undefined && { footer }), sections };
  },
  write: ({ text, footer, buttonText, sections }) =>
    writeFlow("single_select", { text, footer, buttons: [{ title: buttonText, sections }] }),
};
