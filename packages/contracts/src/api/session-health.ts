import { z } from "zod";
import { FailureReason } from "../delivery.ts";
import { Timestamp } from "./common.ts";
import { examples } from "./examples.ts";
import { Session } from "./sessions.ts";

const count = z.int().nonnegative();
const taken = (what: string) =>
  z
    .int()
    .min(-100)
    .max(0)
    .meta({ description: `What ${what} takes away.` });

/** What only the connector that owns the session knows, at the moment of the question. */
export const LiveHealth = z.object({
  heardAt: Timestamp.nullable().meta({ description: "When WhatsApp last said something; null: it is not online." }),
  roundTripMs: count.nullable().meta({ description: "How long WhatsApp took to answer just now; null: it did not." }),
  sending: count.meta({ description: "Messages that WhatsApp has not acknowledged yet." }),
  outbox: count.meta({ description: "What the connector has learned and not told yet." }),
});
export type LiveHealth = z.infer<typeof LiveHealth>;

export const SessionHealth = Session.omit({ id: true, name: true, updatedAt: true })
  .extend({
    facts: z
      .object({
        state: z.int().min(0).max(100).meta({ description: "What its state is worth; 0: it cannot send." }),
        pause: taken("a pause"),
        newChats: taken("a lock or cap of new chats"),
        failures: taken("its failures of the last hour"),
        attempts: taken("its lost connections"),
        queue: taken("what waits for it"),
      })
      .meta({ description: "What the score is made of: their sum, and 0 at least." }),
    queue: z.object({
      waiting: count.meta({ description: "Messages that wait to be sent with it." }),
      oldestAt: Timestamp.nullable().meta({ description: "When the oldest of them was accepted." }),
    }),
    lastHour: z.object({
      sent: count,
      delivered: count,
      failed: count,
      reasons: z.partialRecord(FailureReason, count).meta({ description: "How many failed for which reason." }),
    }),
    lastSentAt: Timestamp.nullable(),
    lastDeliveredAt: Timestamp.nullable(),
    lastHeardAt: Timestamp.nullable().meta({ description: "When something of a message last came from WhatsApp." }),
    live: LiveHealth.nullable().meta({ description: "From its connector; null: it does not answer." }),
  })
  .meta({ id: "SessionHealth", example: examples.sessionHealth });
export type SessionHealth = z.infer<typeof SessionHealth>;
