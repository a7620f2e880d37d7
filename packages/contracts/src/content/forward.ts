import { z } from "zod";

/**
 * A message of the same session, sent once more to somebody else. The connector has its content, so only its id is sealed.
 * The type of the new message is that of the first one.
 */
export const forward = {
  sealed: z.strictObject({ type: z.literal("forward"), messageId: z.string() }),
};
