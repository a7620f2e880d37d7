import { z } from "zod";

/**
 * The code of a verification; a caller cannot send it as a message. Its text is the `template` of the claim and is not
 * sealed with it: the edge seals the code once and cannot open it again, and each resend may have another text.
 */
export const code = {
  sealed: z.strictObject({ type: z.literal("code"), code: z.string() }),
};
