import { z } from "zod";

const type = z.literal("text");

/** A plain text. */
export const text = {
  content: z.strictObject({
    type,
    text: z.string().min(1).max(4096).meta({ example: "Your order is on its way." }),
  }),
  /** Without a maximum: a newer edge may allow more. */
  sealed: z.strictObject({ type, text: z.string() }),
};
