import { z } from "zod";
import { MessageId } from "../ids.ts";
import { canonicalNumber } from "../numbers.ts";

/** A person, as a message names one. */
export const person = z
  .string()
  .regex(
    /^(?:\+[1-9][0-9]{6,14}|[0-9]{5,20}@lid|per_[0-9a-hjkmnp-tv-z]{26})$/,
    "must be a phone number in E.164 form, a person's id (per_…), or an address such as 123@lid",
  )
  .overwrite((text) => (text.startsWith("+") ? canonicalNumber(text) : text));

/** What a message of any kind may have beside its content. */
export const shared = {
  content: {
    quotedMessageId: MessageId.optional().meta({
      description: "The message of the same chat that this one replies to. Its session sends the reply.",
    }),
    mentions: z
      .union([z.literal("all"), z.array(person).min(1).max(100)])
      .optional()
      .meta({
        description:
          "People whom the message names, or `all` for everybody in the chat. In the text, write `@` and the digits where the name stands.",
      }),
  },
  sealed: {
    quotedMessageId: z.string().optional(),
    mentions: z.union([z.literal("all"), z.array(z.string())]).optional(),
    /** Who sees a story. */
    audience: z.strictObject({ people: z.array(z.string()) }).optional(),
  },
};
