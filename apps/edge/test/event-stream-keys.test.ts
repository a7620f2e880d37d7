import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startListening } from "./feed-world.ts";
import type { Edge } from "./harness.ts";
import { keysOf } from "./keys-of.ts";
import { memoryRedis, type TestRedis } from "./limits-redis.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
let listening: ReturnType<typeof startListening>;
useEdge((started) => {
  edge = started;
  listening = startListening(edge);
});
const { addKey, revoke } = keysOf(() => edge);

const second = 1_000;
const minute = 60 * second;
const listen: typeof listening.listen = (...how) => listening.listen(...how);
const pass = (ms: number) => listening.pass(ms);

describe("a key", () => {
  it("has five streams, the sixth is refused with the reason, and a place that is left is free", async () => {
    const key = await edge.addKey(edge.workspace.id);
    for (let i = 0; i < 5; i++) await listen("", { key });
    const refused = await edge.api("GET /v1/events", undefined, { key, headers: { accept: "text/event-stream" } });
    expect([refused.status, refused.body.code, refused.body.retryAfter, refused.body.detail]).toEqual([
      429,
      "rate-limited",
      15,
      "A key has 5 streams at the same time. Close one first. A place that a client left without closing is free after a minute at the latest.",
    ]);
    expect((await edge.api("GET /v1/events", undefined, { key })).status).toBe(200);
    expect((await listen()).response.status).toBe(200);
    await listening.all[0]?.hangUp();
    expect((await listen("", { key })).response.status).toBe(200);
  });

  it.each([
    ["is revoked", (id: string) => revoke(id)],
    ["loses event:read", (id: string) => edge.api(`PATCH /v1/keys/${id}`, { scopes: ["otp:send"] })],
    ["loses another scope", (id: string) => edge.api(`PATCH /v1/keys/${id}`, { scopes: ["event:read"] })],
  ])("that %s ends its streams within a minute", async (_, end) => {
    const { id, key } = await addKey({ scopes: ["event:read", "message:read"] });
    const listener = await listen("", { key });
    const kept = await listen();
    await pass(0);
    // As if another isolate had done it.
    const cached = new Map(edge.services.keyCache);
    expect((await end(id)).status).toBeLessThan(300);
    for (const [hash, entry] of cached) edge.services.keyCache.set(hash, entry);
    await pass(minute);
    expect([listener.isOpen, kept.isOpen]).toEqual([false, true]);
  });

  it("that expires ends its streams at once", async () => {
    const expiresAt = edge.services.now().getTime() + 90 * second;
    const listener = await listen("", { key: await edge.addKey(edge.workspace.id, undefined, { expiresAt }) });
    await pass(88 * second);
    expect(listener.isOpen).toBe(true);
    await pass(5 * second);
    expect(listener.isOpen).toBe(false);
  });
});

describe("the places of a key's streams in Redis", () => {
  let server: TestRedis;
  beforeAll(async () => {
    server = await memoryRedis();
  });
  afterAll(() => server.stop());
  beforeEach(() => {
    edge.redis = server.redis;
  });

  it("count over all instances of the Worker, and lapse without a word", async () => {
    for (let i = 0; i < 5; i++) {
      await listen();
      // As if each were in an isolate of its own.
      edge.services.openStreams.clear();
    }
    expect((await listen()).response.status).toBe(429);
    await listening.all[2]?.hangUp();
    await edge.settled();
    expect((await listen()).response.status).toBe(200);
  });

  it("end a stream whose place was lost to another one", async () => {
    const listener = await listen();
    const [place] = (await server.redis(["KEYS", `streams:{${edge.workspace.id}}:*`], second)) as string[];
    await server.redis(["SET", place ?? "", "another stream"], second);
    await pass(15 * second);
    expect(listener.isOpen).toBe(true);
    await pass(10 * second);
    expect(listener.isOpen).toBe(false);
    expect(await server.redis(["GET", place ?? ""], second)).toBe("another stream");
  });

  it("are counted by each instance while Redis is away, and taken when it is back", async () => {
    edge.redis = () => Promise.reject(new Error("away"));
    for (let i = 0; i < 5; i++) expect((await listen()).response.status).toBe(200);
    expect((await listen()).response.status).toBe(429);
    edge.redis = server.redis;
    await pass(30 * second);
    expect(listening.all.map(({ isOpen }) => isOpen)).toEqual([true, true, true, true, true]);
    edge.services.openStreams.clear();
    expect((await listen()).response.status).toBe(429);
  });
});
