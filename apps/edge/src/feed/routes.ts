import { EventList, ListEvents } from "@sandi/contracts";
import { z } from "zod";
import type { Feature } from "../feature.ts";
import { ok } from "../http/answers.ts";
import { operation } from "../http/operation.ts";
import { openStream } from "./open-stream.ts";
import { filterOf, readerOf, readFeed, startOf } from "./read-feed.ts";

const list = ok(EventList, "A page of the events, or a stream of them.");
const eventStream = z.string().meta({
  description:
    "Server-sent events. Each has the position as `id`, the type as `event`, and as `data` the event as JSON in one line. A comment comes every 15 seconds while nothing happens.",
  example: 'id: 4711\nevent: message.sent\ndata: {"id":"evt_…","type":"message.sent"}\n\n',
});

export const feed: Feature = {
  tag: { name: "Events", description: "What happened, as a list and as a stream." },
  operations: [
    operation({
      id: "listEvents",
      method: "get",
      path: "/v1/events",
      scope: "event:read",
      summary: "List or stream events",
      description:
        "Oldest first, in the order in which they were stored, from the oldest that is kept. None is left out and none comes twice, also while others are written. Without `message:read` numbers are masked and contents are left out; without `lookup:read` nothing shows that a number has no account. A test key sees the sandbox's events, a live key the live ones. With `Accept: text/event-stream` the answer is a stream of events as they are stored: it begins after `Last-Event-ID` or `cursor`, without them with the next event, and ends after ten minutes at most. Connect again with the last `id`. A key has five streams at the same time.",
      query: ListEvents,
      headers: z.object({
        "last-event-id": z.string().optional().meta({
          description: "Of a stream: the `id` of the last event that the client has. It counts before `cursor`.",
        }),
      }),
      answers: { ...list, content: { ...list.content, "text/event-stream": { schema: eventStream } } },
      async handle(ctx, { query }, c) {
        if (c.req.method === "GET" && /\btext\/event-stream\b/i.test(c.req.header("accept") ?? "")) {
          return openStream(ctx, {
            query,
            lastEventId: c.req.header("last-event-id"),
            authorization: c.req.header("authorization") ?? "",
            address: c.req.header("cf-connecting-ip") ?? "",
          });
        }
        const { services } = ctx;
        const after = (await startOf(services, query)) ?? 0;
        const page = await readFeed(services, readerOf(ctx), { after, filter: filterOf(query), limit: query.limit });
        return { events: page.events, nextCursor: String(page.position), hasMore: page.hasMore };
      },
    }),
  ],
};
