import { z } from "zod";
import { SessionId } from "../ids.ts";

export const CheckReachability = z
  .strictObject({
    numbers: z
      .array(z.string().min(1).max(32).meta({ example: "+6281234567890" }))
      .min(1)
      .max(20)
      .meta({ description: "E.164, or national when the workspace has a default country." }),
    sessionId: SessionId.optional().meta({ description: "Which session asks; one of the default pool if left out." }),
  })
  .meta({ id: "CheckReachability" });

export const Reachability = z
  .object({
    results: z
      .array(
        z.object({
          number: z.string().max(20).meta({ description: "In E.164 form.", example: "+6281234567890" }),
          isOnWhatsApp: z.boolean().nullable().meta({
            description: "Null: WhatsApp did not say. Ask again in a few minutes, and do not take it for a no.",
          }),
        }),
      )
      .max(20),
  })
  .meta({ id: "Reachability", description: "In the order of the request." });
export type Reachability = z.infer<typeof Reachability>;
