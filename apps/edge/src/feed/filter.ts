import { type Event, type EventPattern, eventTypes, matchesPattern } from "@sandi/contracts";
import { typesWithoutLookup } from "../messages/shown-events.ts";

/** Which events a reader asks for. */
export interface EventFilter {
  types: readonly EventPattern[];
  sessionId: string | undefined;
}

/** Whether the reader asks for this event. */
export const isWanted = ({ types, sessionId }: EventFilter, event: Pick<Event, "type" | "sessionId">): boolean =>
  (sessionId === undefined || event.sessionId === sessionId) && matchesAny(types, event.type);

const matchesAny = (patterns: readonly EventPattern[], type: string) =>
  patterns.some((pattern) => matchesPattern(pattern, type));

/**
 * The stored types that a reader may see as a wanted one; undefined: all. Some readers see a failure as `message.sent`, so
 * an event is compared again as it is shown.
 */
export function storedTypes({ types }: EventFilter): readonly string[] | undefined {
  if (types.includes("*")) return undefined;
  return eventTypes.filter((type) => matchesAny(types, type) || matchesAny(types, typesWithoutLookup[type] ?? type));
}
