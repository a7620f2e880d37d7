import { AppError, type ListEvents } from "@sandi/contracts";
import { hashApiKey } from "@sandi/crypto";
import type { Context } from "../context.ts";
import { mostStreams, takeStream } from "../rate-limits/streams.ts";
import { filterOf, readerOf, startOf } from "./read-feed.ts";
import { newestPosition } from "./repository.ts";
import { streamEvents } from "./stream.ts";

interface Opening {
  query: ListEvents;
  /** The header `Last-Event-ID`, which counts before the cursor. */
  lastEventId: string | undefined;
  authorization: string;
  address: string;
}

/** About as long as it takes to see that a client has hung up. */
const retryAfter = 15;

/** Answers with a stream of events. Without a position it begins with the next event. */
export async function openStream(ctx: Context, { query, lastEventId, ...caller }: Opening): Promise<Response> {
  const { services, actor } = ctx;
  const cursor = cursorOf(lastEventId) ?? query.cursor;
  const place = await takeStream(services, actor);
  if (!place) {
    const detail = `A key has ${mostStreams} streams at the same time. Close one first. A place that a client left without closing is free after a minute at the latest.`;
    throw new AppError("rate-limited", { detail, retryAfter });
  }
  try {
    const reader = readerOf(ctx);
    const start = await startOf(services, { ...query, cursor });
    const body = streamEvents(services, {
      actor,
      key: {
        header: caller.authorization,
        address: caller.address,
        hash: await hashApiKey(caller.authorization.replace(/^\S+ +| +$/g, "")),
      },
      place,
      reader,
      filter: filterOf(query),
      position: start ?? (await newestPosition(services.db, reader, services.now().getTime())),
    });
    return new Response(body, {
      headers: { "content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no" },
    });
  } catch (error) {
    place.leave();
    throw error;
  }
}

/** Clients send an empty id before they have one. */
function cursorOf(lastEventId: string | undefined): string | undefined {
  if (lastEventId === undefined || lastEventId === "") return undefined;
  if (/^(0|[1-9][0-9]{0,14})$/.test(lastEventId)) return lastEventId;
  const message = "must be the `id` of an event in a stream";
  throw new AppError("invalid-request", { errors: [{ pointer: "header/last-event-id", message }] });
}
