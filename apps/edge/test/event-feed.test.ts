import type { Event, EventList, Message } from "@sandi/contracts";
import { expect, it } from "vitest";
import { to } from "./every-route.ts";
import type { Edge } from "./harness.ts";
import { addEvents } from "./feed-world.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));

const page = (query = "", options = {}) => edge.api<EventList>(`GET /v1/events?${query}`, undefined, options);
const iso = (time: number) => new Date(time).toISOString();
const idsOf = (events: readonly Event[]) => events.map(({ id }) => id);

/** The ids of a page. */
const found = async (query: string) => idsOf((await page(query)).body.events);

/** All pages from a cursor on. */
async function readAll(query = "", options = {}): Promise<{ events: Event[]; pages: number; cursor: string }> {
  const events: Event[] = [];
  for (let [pages, cursor] = [1, "0"]; ; pages++) {
    const { body } = await page(`${query}&cursor=${cursor}`, options);
    events.push(...body.events);
    cursor = body.nextCursor;
    if (!body.hasMore) return { events, pages, cursor };
  }
}

it("begins with the oldest event and goes on behind each page, also behind the last one", async () => {
  const ids = await addEvents(edge, 5);
  const first = await page("limit=2");
  expect([first.status, idsOf(first.body.events), first.body.hasMore]).toEqual([200, ids.slice(0, 2), true]);
  const rest = await page(`limit=3&cursor=${first.body.nextCursor}`);
  expect([idsOf(rest.body.events), rest.body.hasMore]).toEqual([ids.slice(2), false]);
  const later = await page(`cursor=${rest.body.nextCursor}`);
  expect(later.body).toEqual({ events: [], nextCursor: rest.body.nextCursor, hasMore: false });
  const [next] = await addEvents(edge, 1);
  expect(idsOf((await page(`cursor=${later.body.nextCursor}`)).body.events)).toEqual([next]);
});

it("shows what a send over the API wrote, with its ids and its position", async () => {
  const sessionId = await edge.addSession();
  const { body: message } = await edge.api<Message>("POST /v1/messages", { to, type: "text", text: "hi", sessionId });
  const { body } = await page("type=message.*");
  expect(body.events).toHaveLength(1);
  expect(body.events[0]).toMatchObject({
    type: "message.queued",
    workspaceId: edge.workspace.id,
    sessionId,
    messageId: message.id,
    isTest: false,
    sequence: Number(body.nextCursor),
  });
});

it("has nothing of other workspaces, and their positions lead to nothing", async () => {
  const other = await edge.addWorkspace("Other");
  await addEvents(edge, 2, { workspaceId: other.id });
  const own = await addEvents(edge, 2);
  await addEvents(edge, 2, { workspaceId: other.id });
  expect(idsOf((await readAll()).events)).toEqual(own);
  expect(idsOf((await readAll("limit=1")).events)).toEqual(own);
});

it("shows test keys the sandbox's events, and live keys the live ones", async () => {
  const key = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
  const live = await addEvents(edge, 3);
  const sandbox = await addEvents(edge, 3, { test: 1 });
  expect(idsOf((await readAll("limit=2")).events)).toEqual(live);
  expect(idsOf((await readAll("limit=2", { key })).events)).toEqual(sandbox);
});

it("filters by types, families and session", async () => {
  // It begins with an event of its own.
  const other = await edge.addSession();
  const [sent] = await addEvents(edge, 1, { type: "message.sent" });
  const [vote] = await addEvents(edge, 1, { type: "poll.vote" });
  const [read] = await addEvents(edge, 1, { type: "message.read", sessionId: other });
  expect(await found("type=message.*")).toEqual([sent, read]);
  expect(await found("type=message.sent&type=poll.*")).toEqual([sent, vote]);
  expect((await found("type=*")).slice(1)).toEqual([sent, vote, read]);
  expect((await found(`sessionId=${other}`)).slice(1)).toEqual([read]);
  expect(await found(`type=poll.*&sessionId=${other}`)).toEqual([]);
});

it("looks at 5,000 events for a page, and a filter that few match still comes to its end", async () => {
  await addEvents(edge, 6_000);
  const [rare] = await addEvents(edge, 1, { type: "batch.finished" });
  const first = await page("type=batch.*");
  expect([first.body.events, first.body.hasMore]).toEqual([[], true]);
  const { events, pages } = await readAll("type=batch.*");
  expect([idsOf(events), pages]).toEqual([[rare], 2]);
});

it("begins with the first event from a time on, however late events were stored", async () => {
  const at = edge.services.now().getTime();
  await addEvents(edge, 2, { at: at - 60_000 });
  const [late] = await addEvents(edge, 1, { at });
  const [earlier] = await addEvents(edge, 1, { at: at - 60_000 });
  const [newest] = await addEvents(edge, 1, { at: at + 5 });
  const [last] = await addEvents(edge, 1, { at: at + 1 });
  expect(await found(`createdAfter=${iso(at)}`)).toEqual([late, earlier, newest, last]);
  expect(await found(`createdAfter=${iso(at + 1)}`)).toEqual([newest, last]);
  expect(await found(`createdAfter=${iso(at + 5)}`)).toEqual([newest, last]);
  expect(await found(`createdAfter=${iso(at + 6)}`)).toEqual([]);
});

it("misses no event and shows none twice while others are written", async () => {
  const written: string[] = [];
  const write = async () => {
    for (let i = 0; i < 40; i++) written.push(...(await addEvents(edge, 5)));
  };
  const seen: string[] = [];
  let isWritten = false;
  const read = async () => {
    for (let cursor = "0"; ;) {
      const { body } = await page(`limit=7&cursor=${cursor}`);
      seen.push(...idsOf(body.events));
      cursor = body.nextCursor;
      if (isWritten && !body.hasMore) return;
    }
  };
  const reading = read();
  await Promise.all([write(), write()]);
  isWritten = true;
  await reading;
  expect(seen).toHaveLength(400);
  expect(new Set(seen)).toEqual(new Set(written));
});

it.each([
  ["cursor=-1", "query/cursor"],
  ["cursor=1e3", "query/cursor"],
  ["cursor=01", "query/cursor"],
  ["type=message", "query/type/0"],
  ["type=message.sent&type=nothing.*", "query/type/1"],
  ["sessionId=all", "query/sessionId"],
  ["limit=501", "query/limit"],
  ["createdAfter=yesterday", "query/createdAfter"],
])("refuses %s with the field", async (query, pointer) => {
  const { status, body } = await page(query);
  expect([status, body.errors?.map((error) => error.pointer)]).toEqual([400, [pointer]]);
});
