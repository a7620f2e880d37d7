import { z } from "zod";
import { writtenNumber } from "./common.ts";
import { SessionId } from "../ids.ts";

export const CheckReachability = z
  .strictObject({
    numbers: z.array(writtenNumber("A number")).min(1).max(20),
    sessionId: SessionId.optional().meta({ description: "Which session asks; one of the default pool if left out." }),
  })
  .meta({ id: "CheckReachability" });

export const Reachability = z
  .object({
    results: z
      .array(
        z.object({
          number: z
            .string()
            .max(20)
            .meta({ description: "In E.164 form; the order is the request's.", example: "+6281234567890" }),
          isOnWhatsApp: z.boolean().nullable().meta({
            description: "Null: WhatsApp did not say. It is not a no: ask again in a few minutes.",
          }),
        }),
      )
      .max(20),
  })
  .meta({ id: "Reachability", description: "In the order of the request." });
export type Reachability = z.infer<typeof Reachability>;
