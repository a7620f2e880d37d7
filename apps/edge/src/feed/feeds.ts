import type { FeedReader } from "./reader.ts";

/** An event of a feed, written for a stream. */
export interface FeedEntry {
  seq: number;
  type: string;
  sessionId: string | null;
  text: string;
}

/** The newest events as readers with the same scopes see them: all those between `from` and the feed's `to`. */
export interface View {
  reader: FeedReader;
  from: number;
  /** The position of the newest event that these readers may know of. */
  to: number;
  entries: (FeedEntry & { readAt: number })[];
  size: number;
  /** When a stream last looked. */
  seenAt: number;
}

/**
 * The events of a workspace, for all its streams in one isolate. It is plain data: a request may not use the connections
 * of another one, so one stream reads the database and leaves here what it found.
 */
export interface Feed {
  workspaceId: string;
  /** Up to this position the database was read. */
  to: number;
  views: Map<string, View>;
  readAt: number;
  /** When the database is to be read next. */
  dueAt: number;
  /** A stream reads it now, or has ended meanwhile: then others may read from this time on. */
  readingUntil: number;
  /** Reads in a row that found nothing. */
  idleReads: number;
  /** The stream that read last: the others leave the next read to it, unless it is late. */
  leader: string;
  /** Wakes a stream that waits, by its id, and since when it waits. */
  waiting: Map<string, { wake: () => void; since: number }>;
  seenAt: number;
}

/** The feeds of this isolate, by workspace. */
export interface Feeds {
  byWorkspace: Map<string, Feed>;
  /** Characters of all their entries. */
  size: number;
}

export const noFeeds = (): Feeds => ({ byWorkspace: new Map(), size: 0 });

/** Between two reads of a feed. */
export const leastPauseMs = 200;
const forgetMs = 60_000;
const mostFeeds = 1_000;
/** Limits of what is kept: a stream that is behind it reads the database itself. */
const mostEntries = 500;
const mostCharacters = 1 << 18;
const mostCharactersOfAll = 1 << 24;
const entryMs = 30_000;

interface Joining {
  reader: FeedReader;
  /** Up to here the stream has read. */
  position: number;
  at: number;
}

/** The feed of a reader and its view, which are made if there are none. */
export function joinFeed(feeds: Feeds, { reader, position, at }: Joining): { feed: Feed; view: View } {
  const { workspaceId } = reader;
  let feed = feeds.byWorkspace.get(workspaceId);
  if (!feed) {
    forgetFeeds(feeds, at);
    feed = {
      workspaceId,
      to: position,
      views: new Map(),
      readAt: 0,
      dueAt: at,
      readingUntil: 0,
      idleReads: 0,
      leader: "",
      waiting: new Map(),
      seenAt: at,
    };
    feeds.byWorkspace.set(workspaceId, feed);
  }
  const name = [reader.test, ...[...reader.scopes].toSorted()].join(" ");
  let view = feed.views.get(name);
  if (!view) feed.views.set(name, (view = { reader, from: feed.to, to: 0, entries: [], size: 0, seenAt: at }));
  feed.seenAt = at;
  view.seenAt = at;
  return { feed, view };
}

/** Deletes the feeds that no stream uses any more, and the oldest one if there are too many. */
function forgetFeeds(feeds: Feeds, at: number): void {
  for (const [workspaceId, feed] of feeds.byWorkspace) {
    if (feed.seenAt > at - forgetMs && feeds.byWorkspace.size < mostFeeds) continue;
    for (const view of feed.views.values()) empty(feeds, view);
    feeds.byWorkspace.delete(workspaceId);
  }
}

/** Deletes the views that no stream uses any more, and the waits of streams that the runtime has ended. */
export function forgetEnded(feeds: Feeds, feed: Feed, at: number): void {
  for (const [name, view] of feed.views) {
    if (view.seenAt > at - forgetMs) continue;
    empty(feeds, view);
    feed.views.delete(name);
  }
  for (const [stream, { since }] of feed.waiting) if (since <= at - forgetMs) feed.waiting.delete(stream);
}

function empty(feeds: Feeds, view: View): void {
  feeds.size -= view.size;
  view.size = 0;
  view.entries = [];
}

/** Adds to a view what was found up to the feed's new position. Without entries the view begins there. */
export function extendView(
  feeds: Feeds,
  view: View,
  { entries, to, at }: { entries: readonly FeedEntry[] | undefined; to: number; at: number },
): void {
  if (!entries) {
    empty(feeds, view);
    view.from = to;
    return;
  }
  for (const entry of entries) {
    view.entries.push({ ...entry, readAt: at });
    view.size += entry.text.length;
    feeds.size += entry.text.length;
  }
  shorten(feeds, view, at);
}

/** Drops the oldest entries of a view that are too old or too many. */
export function shorten(feeds: Feeds, view: View, at: number): void {
  const { entries } = view;
  let dropped = 0;
  for (const { seq, text, readAt } of entries) {
    const isKept =
      readAt > at - entryMs &&
      entries.length - dropped <= mostEntries &&
      view.size <= mostCharacters &&
      feeds.size <= mostCharactersOfAll;
    if (isKept) break;
    view.size -= text.length;
    feeds.size -= text.length;
    view.from = seq;
    dropped++;
  }
  entries.splice(0, dropped);
}

/** Makes a stream of the workspace read at once, if this isolate has one: something was written. */
export function wakeFeed(feeds: Feeds, workspaceId: string, at: number): void {
  const feed = feeds.byWorkspace.get(workspaceId);
  if (!feed) return;
  feed.idleReads = 0;
  feed.dueAt = Math.min(feed.dueAt, Math.max(at, feed.readAt + leastPauseMs));
  feed.waiting.get(feed.leader)?.wake();
}

/** Wakes all streams that wait. */
export function wakeAll(feed: Feed): void {
  const waiting = [...feed.waiting.values()];
  feed.waiting.clear();
  for (const { wake } of waiting) wake();
}
