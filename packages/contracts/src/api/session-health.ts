import { z } from "zod";
import { FailureReason } from "../delivery.ts";
import { Timestamp } from "./common.ts";
import { examples } from "./examples.ts";
import { Session } from "./sessions.ts";

const count = z.int().nonnegative();
const reduction = (what: string) =>
  z
    .int()
    .min(-100)
    .max(0)
    .meta({ description: `Points that ${what} takes from the score.` });

/** Facts that only the connector that owns the session knows, at the time of the request. */
export const LiveHealth = z.object({
  heardAt: Timestamp.nullable().meta({
    description: "When WhatsApp last sent something; null: the session is not online.",
  }),
  roundTripMs: count
    .nullable()
    .meta({ description: "How long WhatsApp took to answer a ping; null: it did not answer." }),
  sending: count.meta({ description: "Messages that WhatsApp has not acknowledged yet." }),
  outbox: count.meta({ description: "Events that the connector has not reported to the edge yet." }),
});
export type LiveHealth = z.infer<typeof LiveHealth>;

export const SessionHealth = Session.omit({ id: true, name: true, updatedAt: true })
  .extend({
    facts: z
      .object({
        state: z.int().min(0).max(100).meta({ description: "Points for its state; 0: it cannot send." }),
        pause: reduction("a pause"),
        newChats: reduction("a lock or cap of new chats"),
        failures: reduction("the failure rate of the last hour"),
        attempts: reduction("the number of lost connections"),
        queue: reduction("the queue"),
      })
      .meta({ description: "The parts of the score. The score is their sum, and at least 0." }),
    queue: z.object({
      waiting: count.meta({ description: "Messages that wait for this session." }),
      oldestAt: Timestamp.nullable().meta({ description: "When the oldest of them was accepted." }),
    }),
    lastHour: z.object({
      sent: count,
      delivered: count,
      failed: count,
      reasons: z.partialRecord(FailureReason, count).meta({ description: "The number of failures for each reason." }),
    }),
    lastSentAt: Timestamp.nullable(),
    lastDeliveredAt: Timestamp.nullable(),
    lastHeardAt: Timestamp.nullable().meta({ description: "When WhatsApp last reported something about a message." }),
    live: LiveHealth.nullable().meta({ description: "From its connector; null: the connector does not answer." }),
  })
  .meta({ id: "SessionHealth", example: examples.sessionHealth });
export type SessionHealth = z.infer<typeof SessionHealth>;
