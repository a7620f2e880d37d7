import { z } from "zod";
import { writtenNumber } from "./common.ts";
import { SessionId } from "../ids.ts";

export const CheckReachability = z
  .strictObject({
    numbers: z.array(writtenNumber("A number")).min(1).max(20),
    sessionId: SessionId.optional().meta({
      description: "The session that asks WhatsApp. Default: a session of the default pool.",
    }),
  })
  .meta({ id: "CheckReachability" });

export const Reachability = z
  .object({
    results: z
      .array(
        z.object({
          number: z.string().max(20).meta({ description: "In E.164 form.", example: "+6281234567890" }),
          isOnWhatsApp: z.boolean().nullable().meta({
            description: "Null: WhatsApp gave no answer. This is not a no: repeat the request in a few minutes.",
          }),
        }),
      )
      .max(20),
  })
  .meta({ id: "Reachability", description: "In the order of the request." });
export type Reachability = z.infer<typeof Reachability>;
