import type { Actor } from "../actor.ts";
import { isStillValid, type UsedKey } from "../auth/recheck-key.ts";
import { newId, type Services } from "../services.ts";
import type { StreamPlace } from "../rate-limits/streams.ts";
import { type FeedEntry, joinFeed, leastPauseMs } from "./feeds.ts";
import { type EventFilter, isWanted } from "./filter.ts";
import { readFeed } from "./read-feed.ts";
import type { FeedReader } from "./reader.ts";
import { readNew, toEntry } from "./read-new.ts";

const longestMs = 10 * 60_000;
/** Streams that began together do not end together. */
const spreadMs = 60_000;
const heartbeatMs = 15_000;
const retryMs = 1_000;
/** Each read is a few subrequests. The paid plan allows 10,000 for a request. */
const mostReads = 1_000;
/** Events of a page that the stream reads for itself, while it is behind the others. */
const pageSize = 100;
/** Characters sent at once. */
const mostCharacters = 1 << 17;
/** The others wait so long for the stream that reads. */
const graceMs = 2_000;

export interface Streaming {
  actor: Actor;
  key: UsedKey;
  place: StreamPlace;
  reader: FeedReader;
  filter: EventFilter;
  /** Events after this position are sent. */
  position: number;
}

/**
 * Server-sent events from a position on. The stream ends after ten minutes, when its key ends or loses a scope, or when the
 * database does not answer; the client goes on with `Last-Event-ID`. It does nothing while the client does not read.
 */
export function streamEvents(services: Services, begun: Streaming): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const stream = new EventStream(services, begun);
  return new ReadableStream(
    {
      async pull(controller) {
        const text = await stream.next();
        if (text !== undefined) return controller.enqueue(encoder.encode(text));
        if (stream.hasEnded) return;
        stream.end();
        controller.close();
      },
      cancel: () => stream.end(),
    },
    { highWaterMark: 0 },
  );
}

/** One client that listens. */
class EventStream {
  readonly #services: Services;
  readonly #begun: Streaming;
  readonly #id: string;
  readonly #endsAt: number;
  #position: number;
  /** It has read all events: from now on it takes what the streams of this isolate read together. */
  #isCaughtUp = false;
  /** The position that the client knows. Events that the reader may not know of do not move it. */
  #shownPosition: number;
  #sentAt = 0;
  #hasEnded = false;
  #wake = () => {};
  #reads = 0;
  #readAt = 0;
  /** A timer that runs, until it ends. */
  #timer: { endsAt: number; ended: Promise<void> } | undefined;

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  constructor(services: Services, begun: Streaming) {
    const { random, now } = services;
    this.#services = services;
    this.#begun = begun;
    this.#id = newId(services, "req");
    this.#position = begun.position;
    this.#shownPosition = begun.position;
    this.#endsAt = now().getTime() + longestMs - Math.floor(((random(1)[0] ?? 0) / 256) * spreadMs);
  }

  /** What is sent next; undefined: the stream ends. */
  async next(): Promise<string | undefined> {
    const { now, log } = this.#services;
    try {
      const isFirst = this.#sentAt === 0;
      const text = isFirst ? `retry: ${retryMs}\nid: ${this.#shownPosition}\n\n` : await this.#wait();
      this.#sentAt = now().getTime();
      return text;
    } catch (error) {
      log("a stream of events ended", error);
      return undefined;
    }
  }

  /** Gives the place back. A read or a wait that is under way ends soon. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#begun.place.leave();
    this.#wake();
  }

  async #wait(): Promise<string | undefined> {
    const { now } = this.#services;
    for (;;) {
      const at = now().getTime();
      if (this.#hasEnded || at >= this.#endsAt || this.#reads >= mostReads || !(await this.#isAllowed(at)))
        return undefined;
      const text = this.#isCaughtUp ? this.#takeShared(at) : await this.#readOwn();
      if (text !== "") return text;
      if (at - this.#sentAt >= heartbeatMs) return `: heartbeat\nid: ${this.#shownPosition}\n\n`;
      if (this.#isCaughtUp) await this.#readOrSleep(at);
    }
  }

  async #isAllowed(at: number): Promise<boolean> {
    const { actor, key, place } = this.#begun;
    return (await isStillValid(this.#services, actor, key)) && (await place.keep(at));
  }

  /** What the streams of this isolate have read together. */
  #takeShared(at: number): string {
    const { reader, filter } = this.#begun;
    const { feed, view } = joinFeed(this.#services.feeds, { reader, position: this.#position, at });
    if (this.#position < view.from) {
      // A copy of the database may be behind: it is not asked again at once.
      this.#isCaughtUp = at - this.#readAt < leastPauseMs;
      return "";
    }
    const wanted = view.entries.filter((entry) => entry.seq > this.#position && isWanted(filter, entry));
    return this.#take(wanted, { to: Math.max(this.#position, feed.to), shown: view.to });
  }

  /** What the database has after the position. */
  async #readOwn(): Promise<string> {
    const { reader, filter } = this.#begun;
    this.#reads++;
    this.#readAt = this.#services.now().getTime();
    const after = this.#position;
    const { events, position, hasMore } = await readFeed(this.#services, reader, { after, filter, limit: pageSize });
    const text = this.#take(events.map(toEntry), { to: position, shown: position });
    this.#isCaughtUp = !hasMore && this.#position === position;
    return text;
  }

  /** The texts of entries, as many as may be sent at once. Moves the position behind them. */
  #take(entries: readonly FeedEntry[], { to, shown }: { to: number; shown: number }): string {
    let text = "";
    for (const entry of entries) {
      if (text.length >= mostCharacters) return text;
      text += entry.text;
      this.#position = entry.seq;
      this.#shownPosition = entry.seq;
    }
    this.#position = to;
    this.#shownPosition = Math.max(this.#shownPosition, shown);
    return text;
  }

  /** Reads for all streams if it is time and this one's turn; else waits for the others, the next heartbeat or the end. */
  async #readOrSleep(at: number): Promise<void> {
    const { feed } = joinFeed(this.#services.feeds, { reader: this.#begun.reader, position: this.#position, at });
    const isLeader = feed.leader === this.#id;
    const dueAt = Math.max(feed.dueAt + (isLeader || feed.leader === "" ? 0 : graceMs), feed.readingUntil);
    if (dueAt <= at) {
      this.#reads++;
      await readNew(this.#services, feed, this.#id);
      return;
    }
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      feed.waiting.set(this.#id, { wake: resolve, since: at });
      void this.#sleep(at, Math.min(dueAt, this.#sentAt + heartbeatMs)).then(resolve);
    });
    feed.waiting.delete(this.#id);
  }

  /** A timer cannot be stopped, so one that ends early enough is used again. */
  #sleep(at: number, until: number): Promise<void> {
    if (this.#timer && this.#timer.endsAt <= until) return this.#timer.ended;
    const ended = this.#services.sleep(Math.max(until - at, 1)).then(() => {
      if (this.#timer === timer) this.#timer = undefined;
      return undefined;
    });
    const timer = { endsAt: until, ended };
    this.#timer = timer;
    return ended;
  }
}
