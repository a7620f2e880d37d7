import { z } from "zod";

/**
 * A code of a verification; no caller sends one as a message. The text around it travels beside it, as the `template` of
 * the claim: the edge seals the code once and cannot open it again, and each resend may have another text.
 */
export const code = {
  sealed: z.strictObject({ type: z.literal("code"), code: z.string() }),
};
