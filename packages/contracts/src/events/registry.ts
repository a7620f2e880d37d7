import { z } from "zod";
import { batchEvents } from "./batch.ts";
import { chatEvents } from "./chat.ts";
import type { EventDefinition } from "./define-event.ts";
import { messageChangeEvents, pollEvents } from "./message-changes.ts";
import { messageEvents } from "./message.ts";
import { sessionEvents } from "./session.ts";
import { verificationEvents } from "./verification.ts";

const definitions = [
  ...messageEvents,
  ...messageChangeEvents,
  ...pollEvents,
  ...verificationEvents,
  ...sessionEvents,
  ...chatEvents,
  ...batchEvents,
] as const;

/** The name of an event: a past fact with a dot. */
export type EventType = (typeof definitions)[number]["type"];

/** All types of events. */
export const eventTypes: readonly EventType[] = definitions.map(({ type }) => type);

/** Every type of event with its schemas, its example and what to know of it. */
export const eventRegistry = new Map(
  definitions.map((definition): [EventType, EventDefinition<EventType>] => [definition.type, definition]),
) as ReadonlyMap<EventType, EventDefinition<EventType>>;

/** The type of an event. */
export const EventType = z.enum(eventTypes as [EventType, ...EventType[]]);

const families = [...new Set(eventTypes.map((type) => type.slice(0, type.indexOf("."))))];
const patterns = ["*", ...families.map((family) => `${family}.*`), ...eventTypes] as const;

/** Which events a receiver wants: all, those of a family, or those of a type. */
export const EventPattern = z
  .enum(patterns as readonly [string, ...string[]], {
    error: "must be `*`, a family such as `message.*`, or a type such as `message.sent`",
  })
  .meta({
    id: "EventPattern",
    description: "`*`: all events. `message.*`: those of a family. `message.sent`: those of one type.",
    example: "message.*",
  });
export type EventPattern = z.infer<typeof EventPattern>;

/** Types that `*` leaves out: a receiver gets them by their name or their family. */
export const typesOnlyByName: readonly EventType[] = definitions.flatMap(({ isInAll, type }) =>
  isInAll ? [] : [type],
);

/** Whether an event of this type is one that the pattern asks for. */
export function matchesPattern(pattern: EventPattern, type: string): boolean {
  if (pattern === "*") return eventRegistry.get(type as EventType)?.isInAll !== false;
  return pattern === type || (pattern.endsWith(".*") && type.startsWith(pattern.slice(0, -1)));
}
