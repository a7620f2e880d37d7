import type { Event, ListEvents } from "@sandi/contracts";
import type { Context } from "../context.ts";
import { tenantOf } from "../auth/tenant.ts";
import type { Services } from "../services.ts";
import { type EventFilter, isWanted } from "./filter.ts";
import { presentEvents } from "./present-events.ts";
import type { FeedReader } from "./reader.ts";
import { findRows, positionBefore } from "./repository.ts";

export const readerOf = ({ actor }: Pick<Context, "actor">): FeedReader => ({
  ...tenantOf(actor),
  scopes: actor.scopes,
});

export const filterOf = ({ type, sessionId }: Pick<ListEvents, "type" | "sessionId">): EventFilter => ({
  types: type ?? ["*"],
  sessionId,
});

/** Events as a reader sees them, oldest first, and where to go on. */
export interface FeedPage {
  events: Event[];
  position: number;
  hasMore: boolean;
}

/** Reads the events after a position. Filtered events count as read: the position is behind them. */
export async function readFeed(
  services: Services,
  reader: FeedReader,
  { after, filter, limit }: { after: number; filter: EventFilter; limit: number },
): Promise<FeedPage> {
  const { rows, position, hasMore } = await findRows(services.db, reader, {
    after,
    at: services.now().getTime(),
    filter,
    limit,
  });
  const events = rows.length === 0 ? [] : await presentEvents(services, reader, rows);
  return { events: events.filter((event) => isWanted(filter, event)), position, hasMore };
}

/** The position that a request names: its cursor, or a time; undefined if it names none. */
export async function startOf(
  { db }: Services,
  { cursor, createdAfter }: Pick<ListEvents, "cursor" | "createdAfter">,
): Promise<number | undefined> {
  if (cursor !== undefined) return Number(cursor);
  return createdAfter === undefined ? undefined : positionBefore(db, Date.parse(createdAfter));
}
