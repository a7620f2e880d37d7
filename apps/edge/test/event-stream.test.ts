import type { EventList } from "@sandi/contracts";
import { describe, expect, it } from "vitest";
import { addEvents, startListening } from "./feed-world.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
let listening: ReturnType<typeof startListening>;
useEdge((started) => {
  edge = started;
  listening = startListening(edge);
});

const second = 1_000;
const minute = 60 * second;
const listen: typeof listening.listen = (...how) => listening.listen(...how);
const pass = (ms: number) => listening.pass(ms);
const rename = () => edge.api("PATCH /v1/workspace", { name: "another name" });

describe("a stream of events", () => {
  it("has a position at once, then each event as it is stored", async () => {
    const [before] = await addEvents(edge, 1);
    const listener = await listen();
    expect(listener.response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    await pass(0);
    const { body } = await edge.api<EventList>("GET /v1/events");
    expect(listener.text).toBe(`retry: 1000\nid: ${body.nextCursor}\n\n`);
    const ids = await addEvents(edge, 3);
    await pass(second);
    expect(listener.ids).toEqual(ids);
    expect(listener.ids).not.toContain(before);
    const page = await edge.api<EventList>(`GET /v1/events?cursor=${body.nextCursor}`);
    expect(listener.text.split("\n\n").slice(1, -1)).toEqual(
      page.body.events.map((event) => `id: ${event.sequence}\nevent: message.sent\ndata: ${JSON.stringify(event)}`),
    );
  });

  it("goes on after Last-Event-ID, which counts before the cursor, and after a cursor", async () => {
    const ids = await addEvents(edge, 250);
    const { body } = await edge.api<EventList>("GET /v1/events?limit=10");
    const resumed = await listen("cursor=1", { lastEventId: body.nextCursor });
    const fromCursor = await listen("cursor=0");
    await pass(second);
    expect(resumed.ids).toEqual(ids.slice(10));
    expect(fromCursor.ids).toEqual(ids);
    const more = await addEvents(edge, 250);
    await pass(5 * second);
    expect(resumed.ids).toEqual([...ids.slice(10), ...more]);
    expect(fromCursor.ids).toEqual([...ids, ...more]);
  });

  it("sends the events that are asked for, of its workspace and its side", async () => {
    const key = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
    const other = await edge.addWorkspace("Other");
    const session = await edge.addSession();
    const all = await listen();
    const votes = await listen("type=poll.*");
    const ofSession = await listen(`sessionId=${session}`);
    const sandbox = await listen("", { key });
    const strangers = await listen("", { key: other.key });
    await pass(0);
    const [sent] = await addEvents(edge, 1, { sessionId: session });
    const [vote] = await addEvents(edge, 1, { type: "poll.vote" });
    const [test] = await addEvents(edge, 1, { test: 1 });
    const [foreign] = await addEvents(edge, 1, { workspaceId: other.id });
    await pass(2 * second);
    expect([all, votes, ofSession, sandbox, strangers].map(({ ids }) => ids)).toEqual([
      [sent, vote],
      [vote],
      [sent],
      [test],
      [foreign],
    ]);
  });

  it("moves its position past events that it does not send, with each heartbeat", async () => {
    const listener = await listen("type=poll.*");
    await pass(0);
    await addEvents(edge, 3);
    await pass(15 * second);
    const { body } = await edge.api<EventList>("GET /v1/events");
    expect(listener.text.split("\n\n").slice(1)).toEqual([`: heartbeat\nid: ${body.nextCursor}`, ""]);
  });

  it("ends after ten minutes at most, and the next one has what came between", async () => {
    const listener = await listen();
    await pass(9 * minute - second);
    expect(listener.isOpen).toBe(true);
    await pass(minute + second);
    expect(listener.isOpen).toBe(false);
    const ids = await addEvents(edge, 2);
    const next = await listen("", { lastEventId: listener.lastId });
    await pass(second);
    expect(next.ids).toEqual(ids);
  });

  it("reads at once after a change over the API, and after events of a connector", async () => {
    const listener = await listen("type=message.*");
    await pass(second);
    const [first] = await addEvents(edge, 1);
    await rename();
    await pass(200);
    expect(listener.ids).toEqual([first]);
    const sessionId = await edge.addSession();
    const [next] = await addEvents(edge, 1);
    const event = { id: `evt_${"0".repeat(26)}`, seq: 1, sessionId, at: edge.services.now().toISOString() };
    const state = { ...event, type: "session.state", state: "online", reason: null, phone: null, revision: 1 };
    await edge.internal("/internal/events", { connectorId: "c1", events: [state] });
    await edge.settled();
    await pass(200);
    expect(listener.ids).toEqual([first, next]);
  });

  it("holds nothing back for a client that does not read, which gets all of it later", async () => {
    const slow = await listen("", { lastEventId: "0" });
    const fast = await listen();
    await pass(0);
    slow.pause();
    const ids = await addEvents(edge, 700);
    await pass(2 * minute);
    expect(fast.ids).toEqual(ids);
    expect(slow.ids.length).toBeLessThan(ids.length);
    const { feeds } = edge.services;
    expect([feeds.size, [...feeds.byWorkspace.values()].map(({ views }) => views.size)]).toEqual([0, [1]]);
    slow.resume();
    await pass(5 * second);
    expect(slow.ids).toEqual(ids);
  });

  it("ends when the database does not answer, and other streams read in its place", async () => {
    const [first, next] = [await listen(), await listen()];
    await pass(second);
    const { db } = edge.services;
    edge.services.db = new Proxy(db, {
      get: () => {
        throw new Error("away");
      },
    });
    await pass(second);
    edge.services.db = db;
    expect([first, next].map(({ isOpen }) => isOpen)).toEqual([false, true]);
    expect(edge.logs).toEqual(["a stream of events ended"]);
    const ids = await addEvents(edge, 1);
    await pass(5 * second);
    expect(next.ids).toEqual(ids);
  });
});

it.each([
  ["Last-Event-ID", "", { "last-event-id": "evt_1" }, "header/last-event-id"],
  ["a cursor", "cursor=evt_1", {}, "query/cursor"],
  ["a type", "type=nothing", {}, "query/type/0"],
])("a stream with %s of the wrong form is refused", async (_, query, headers, pointer) => {
  const accept = "text/event-stream";
  const { status, body } = await edge.api(`GET /v1/events?${query}`, undefined, { headers: { accept, ...headers } });
  expect([status, body.errors?.[0]?.pointer]).toEqual([400, pointer]);
  expect(edge.services.openStreams.size).toBe(0);
});
