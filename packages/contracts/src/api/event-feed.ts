import { z } from "zod";
import { Event } from "../events/event.ts";
import { EventPattern } from "../events/registry.ts";
import { SessionId } from "../ids.ts";
import { Timestamp } from "./common.ts";

/** The commit position of an event: `sequence` as a text. */
const Cursor = z
  .string()
  .max(15)
  .regex(/^(0|[1-9][0-9]*)$/, "must be a `nextCursor`, or the `id` of an event in a stream");

/** A query has one value or a list of them. */
const Patterns = z
  .preprocess((given) => (typeof given === "string" ? [given] : given), z.array(EventPattern).min(1).max(50))
  .optional()
  .meta({
    description: "The types, as `message.sent` or `message.*`. Several may be given: `type=message.*&type=poll.vote`.",
  });

export const ListEvents = z.object({
  type: Patterns,
  sessionId: SessionId.optional(),
  createdAfter: Timestamp.optional().meta({
    description:
      "Where the list begins without a `cursor`: with the first event from this time on. Events that were stored later follow, also those that happened before.",
  }),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  cursor: Cursor.optional().meta({ description: "`nextCursor` of the previous page." }),
});
export type ListEvents = z.infer<typeof ListEvents>;

export const EventList = z
  .object({
    events: z.array(Event).max(500),
    nextCursor: Cursor.meta({
      description: "The `cursor` of the next page, also on the last one: keep it, and ask again later.",
      example: "4711",
    }),
    hasMore: z.boolean().meta({
      description:
        "Ask for the next page now. A page looks at 5,000 events at most: with a filter that few match, it may have fewer events than `limit`, or none, and more may follow.",
    }),
  })
  .meta({ id: "EventList" });
export type EventList = z.infer<typeof EventList>;
