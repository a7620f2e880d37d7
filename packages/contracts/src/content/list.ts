import { z } from "zod";
import { areDistinct } from "./distinct.ts";
import { bodyText, optionId, optionText, render } from "./render.ts";

const type = z.literal("list");

const row = z.strictObject({ id: optionId, title: optionText(60), description: optionText(200).optional() });
const section = z.strictObject({ title: optionText(60).optional(), rows: z.array(row).min(1).max(10) });
const rowsOf = (sections: z.output<typeof section>[]) => sections.flatMap(({ rows }) => rows);

/** A text with a list of up to ten rows, of which the reader chooses one. */
export const list = {
  content: z.strictObject({
    type,
    text: bodyText.meta({ example: "Which branch is near you?" }),
    buttonText: optionText(60).meta({ description: "On the button that opens the list.", example: "Branches" }),
    footer: optionText(200).optional().meta({ example: "Acme" }),
    sections: z
      .array(section)
      .min(1)
      .max(10)
      .refine((sections) => rowsOf(sections).length <= 10, "must have at most 10 rows")
      .refine((sections) => {
        const ids = rowsOf(sections).map(({ id }) => id);
        return new Set(ids).size === ids.length;
      }, "must have distinct ids")
      .refine((sections) => areDistinct(rowsOf(sections).map(({ title }) => title)), "must have distinct titles")
      .meta({ example: [{ rows: [{ id: "jkt", title: "Jakarta", description: "Open until nine" }] }] }),
    render: render.content,
  }),
  sealed: z.strictObject({
    type,
    text: z.string(),
    buttonText: z.string(),
    footer: z.string().optional(),
    sections: z.array(
      z.strictObject({
        title: z.string().optional(),
        rows: z.array(z.strictObject({ id: z.string(), title: z.string(), description: z.string().optional() })),
      }),
    ),
    render: render.sealed,
  }),
};
