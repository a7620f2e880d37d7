import type { Client } from "@libsql/client";
import { createDatabase } from "@sandi/libsql";
import { describe, expect, it } from "vitest";
import { addEvents, startListening } from "./feed-world.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";
import type { Tables } from "../src/db/schema.ts";
import type { Feed } from "../src/feed/feeds.ts";
import { readNew } from "../src/feed/read-new.ts";

let edge: Edge;
let listening: ReturnType<typeof startListening>;
useEdge((started) => {
  edge = started;
  listening = startListening(edge);
});

const second = 1_000;
const listen: typeof listening.listen = (...how) => listening.listen(...how);
const pass = (ms: number) => listening.pass(ms);

function feedOf(workspaceId: string): Feed {
  const feed = edge.services.feeds.byWorkspace.get(workspaceId);
  if (!feed) throw new Error("there is no stream");
  return feed;
}

/** Reads as a stream whose database holds its first call back, until it is let through. */
function readSlowly(call: "execute" | "batch") {
  const held = Promise.withResolvers<void>();
  const client: Client = new Proxy(edge.client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      const run = value.bind(target) as (...how: unknown[]) => unknown;
      return name === call ? (...how: unknown[]) => held.promise.then(() => run(...how)) : run;
    },
  });
  const feed = feedOf(edge.workspace.id);
  const services = { ...edge.services, db: createDatabase<Tables>(client) };
  return { letThrough: held.resolve, ended: readNew(services, feed, "slow") };
}

describe("streams together", () => {
  it("of one workspace share one read of the database, also after the stream that reads has ended", async () => {
    const keys = await Promise.all(Array.from({ length: 20 }, () => edge.addKey(edge.workspace.id)));
    for (const key of keys) for (let i = 0; i < 5; i++) await listen("", { key });
    await pass(2 * second);
    edge.calls.database = 0;
    await pass(10 * second);
    expect(edge.calls.database).toBeLessThanOrEqual(10);
    const ids = await addEvents(edge, 50);
    edge.calls.database = 0;
    await pass(2 * second);
    expect(edge.calls.database).toBeLessThanOrEqual(3);
    for (const each of listening.all) expect(each.ids).toEqual(ids);

    // The one that reads leaves without a word, as when its request is gone.
    const feed = feedOf(edge.workspace.id);
    const { leader } = feed;
    for (const each of listening.all.slice(0, 99)) await each.hangUp();
    const more = await addEvents(edge, 1);
    await pass(4 * second);
    expect(listening.all[99]?.ids).toEqual([...ids, ...more]);
    expect(feed.leader === leader).toBe(false);
    expect([...edge.services.openStreams.values()].map(({ size }) => size)).toEqual([1]);
  });
});

describe("a read that is slow", () => {
  it("is replaced after ten seconds, and then changes nothing", async () => {
    const listener = await listen();
    await pass(0);
    const slow = readSlowly("execute");
    const ids = await addEvents(edge, 3);
    await pass(9 * second);
    expect(listener.ids).toEqual([]);
    await pass(4 * second);
    expect(listener.ids).toEqual(ids);
    slow.letThrough();
    await slow.ended;
    // A stream that is behind would get them from here.
    const shared = [...feedOf(edge.workspace.id).views.values()].map(({ entries }) => entries.length);
    expect(shared).toEqual([ids.length]);
    await pass(4 * second);
    expect(listener.ids).toEqual(ids);
  });

  it("leaves no gap for a stream with other scopes that has come meanwhile", async () => {
    const first = await listen();
    await pass(0);
    const ids = await addEvents(edge, 3);
    const slow = readSlowly("batch");
    const key = await edge.addKey(edge.workspace.id, ["event:read"]);
    const other = await listen("cursor=0", { key });
    await pass(0);
    expect(other.ids).toEqual(ids);
    const more = await addEvents(edge, 2);
    slow.letThrough();
    await slow.ended;
    const { views, to } = feedOf(edge.workspace.id);
    expect([...views.values()].map(({ from }) => from === to)).toEqual([false, true]);
    await pass(4 * second);
    expect(first.ids).toEqual([...ids, ...more]);
    expect(other.ids).toEqual([...ids, ...more]);
  });
});
