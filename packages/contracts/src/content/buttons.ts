import { z } from "zod";
import { areDistinct } from "./distinct.ts";
import { bodyText, optionId, optionText, render } from "./render.ts";

const type = z.literal("buttons");

/** A text with up to three buttons to answer with. */
export const buttons = {
  content: z.strictObject({
    type,
    text: bodyText.meta({ example: "Shall we deliver today?" }),
    footer: optionText(200).optional().meta({ example: "Acme" }),
    buttons: z
      .array(z.strictObject({ id: optionId, text: optionText(60) }))
      .min(1)
      .max(3)
      .refine((all) => new Set(all.map(({ id }) => id)).size === all.length, "must have distinct ids")
      .refine((all) => areDistinct(all.map(({ text }) => text)), "must have distinct texts")
      .meta({
        example: [
          { id: "yes", text: "Yes" },
          { id: "later", text: "Later" },
        ],
      }),
    render: render.content,
  }),
  sealed: z.strictObject({
    type,
    text: z.string(),
    footer: z.string().optional(),
    buttons: z.array(z.strictObject({ id: z.string(), text: z.string() })),
    render: render.sealed,
  }),
};
