import { z } from "zod";

/** A choice among the options of `buttons` or a `list`; it is only received. */
export const Reply = z.strictObject({
  type: z.literal("reply"),
  id: z.string().meta({ description: "The id of the option." }),
  text: z.string().meta({ description: "What the person tapped or wrote." }),
});
export type Reply = z.infer<typeof Reply>;
