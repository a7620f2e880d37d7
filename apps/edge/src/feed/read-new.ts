import type { Event } from "@sandi/contracts";
import { shownEvent } from "../messages/shown-events.ts";
import type { Services } from "../services.ts";
import { extendView, type Feed, type FeedEntry, forgetEnded, shorten, wakeAll } from "./feeds.ts";
import { presentEvents } from "./present-events.ts";
import { newRows } from "./repository.ts";

/** A request to the database ends within five seconds. After this time the stream that reads is gone. */
const longestReadMs = 10_000;
const mostRows = 100;

/** Pauses between reads: while events come, and after so many reads that found nothing. */
const pauseAfter = (idleReads: number) => (idleReads < 30 ? 1_000 : idleReads < 120 ? 2_000 : 3_000);

/** Reads the new events of a workspace once, for all its streams in this isolate, and wakes them if there are any. */
export async function readNew(services: Services, feed: Feed, stream: string): Promise<void> {
  const { db, feeds, now } = services;
  const at = now().getTime();
  const after = feed.to;
  feed.leader = stream;
  feed.readAt = at;
  feed.readingUntil = at + longestReadMs;
  feed.dueAt = at + pauseAfter(feed.idleReads);
  forgetEnded(feeds, feed, at);
  try {
    const rows = await newRows(db, feed.workspaceId, { after, at, limit: mostRows });
    const shown = new Map(
      await Promise.all(
        [...feed.views.values()].map(async (view) => {
          const own = rows.filter(({ test }) => test === view.reader.test);
          const events = own.length === 0 ? [] : await presentEvents(services, view.reader, own);
          return [view, events.map(toEntry)] as const;
        }),
      ),
    );
    // Another stream took over: this one was late.
    if (feed.to !== after) return;
    feed.idleReads = rows.length === 0 ? feed.idleReads + 1 : 0;
    if (rows.length === mostRows) feed.dueAt = at;
    feed.to = rows.at(-1)?.seq ?? after;
    for (const view of feed.views.values()) {
      view.to = rows.findLast((row) => shownEvent(row, view.reader) !== undefined)?.seq ?? view.to;
      if (rows.length === 0) shorten(feeds, view, at);
      // A view without entries came while this stream read: its streams read the database themselves.
      else extendView(feeds, view, { entries: shown.get(view), to: feed.to, at });
    }
    if (rows.length > 0) wakeAll(feed);
  } finally {
    if (feed.leader === stream) feed.readingUntil = 0;
  }
}

/** An event as a stream sends it (WHATWG HTML, server-sent events). JSON has no line breaks. */
export const toEntry = (event: Event): FeedEntry => ({
  seq: event.sequence,
  type: event.type,
  sessionId: event.sessionId,
  text: `id: ${event.sequence}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`,
});
