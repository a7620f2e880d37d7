import { z } from "zod";
import { areDistinct } from "./distinct.ts";

const type = z.literal("poll");

/** A question with options to vote for. */
export const poll = {
  content: z
    .strictObject({
      type,
      question: z.string().trim().min(1).max(255).meta({ example: "When shall we deliver?" }),
      options: z
        .array(z.string().trim().min(1).max(100))
        .min(2)
        .max(12)
        .refine(areDistinct, "must be distinct")
        .meta({ example: ["Morning", "Evening"] }),
      maxSelections: z.int().min(1).max(12).default(1).meta({ description: "How many options a person may choose." }),
    })
    .check(({ value, issues }) => {
      if (value.maxSelections <= value.options.length) return;
      const message = "must be at most the number of options";
      issues.push({ code: "custom", input: value.maxSelections, path: ["maxSelections"], message });
    }),
  sealed: z.strictObject({ type, question: z.string(), options: z.array(z.string()), maxSelections: z.number() }),
};
