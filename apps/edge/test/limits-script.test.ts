import { createHash, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Counter, consumeFrom } from "../src/rate-limits/counters.ts";
import { consumeScript, consumeScriptSha } from "../src/rate-limits/script.ts";
import type { Services } from "../src/services.ts";
import { isFirstUse } from "../src/upstash.ts";
import { memoryRedis, over, realRedis, type TestRedis } from "./limits-redis.ts";

const engines = [
  { name: "in memory", start: memoryRedis },
  ...(realRedis ? [{ name: "over a real Redis", start: realRedis }] : []),
];

/** What taking needs of the services, with a clock that stands still. */
function servicesOver(url: string, atLeastMs = 10_000) {
  const given = over(url);
  // A busy machine is not what these tests are about.
  const redis: Services["redis"] = (command, timeoutMs) => given(command, Math.max(timeoutMs, atLeastMs));
  const logs: string[] = [];
  const clock = { time: Date.parse("2026-11-21T08:00:00.000Z") };
  const services = {
    redis,
    redisOutage: { pausedUntil: 0, silentUntil: 0 },
    now: () => new Date(clock.time),
    log: (line: string, cause?: unknown) => logs.push(`${line}: ${String(cause)}`),
  } as unknown as Services;
  return { services, redis, logs, clock };
}

it("knows the script by its own SHA-1", () => {
  expect(consumeScriptSha).toBe(createHash("sha1").update(consumeScript).digest("hex"));
});

describe.each(engines)("counters, $name", ({ start }) => {
  let server: TestRedis;
  let edge: ReturnType<typeof servicesOver>;
  let tag: string;

  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server.stop());
  beforeEach(() => {
    edge = servicesOver(server.url);
    tag = `{${randomUUID()}}`;
  });

  const counter = (name: string, quota: number, { windowMs = 60_000, cost = 1 } = {}): Counter => {
    return { key: `limit:${tag}:${name}`, quota, windowMs, cost };
  };
  const take = (...counters: Counter[]) => consumeFrom(edge.services, counters);

  it("take from all of them, or from none when one has too little left", async () => {
    const a = counter("a", 5);
    const b = counter("b", 2);
    expect(await take(a, b)).toEqual([1, 1, 60_000, 1, 60_000]);
    expect(await take(a, b)).toEqual([1, 2, 60_000, 2, 60_000]);
    for (let i = 0; i < 3; i++) expect(await take(a, b)).toEqual([0, 2, 60_000, 2, 60_000]);
    expect(await take(b, a)).toEqual([0, 2, 60_000, 2, 60_000]);
    expect(await take(a)).toEqual([1, 3, 60_000]);
  });

  it("leave nothing behind of a request that is refused at once", async () => {
    const a = counter("a", 5);
    expect(await take(a, counter("b", 2, { cost: 3 }))).toEqual([0, 0, 60_000, 0, 60_000]);
    expect(await edge.redis(["KEYS", `*${tag.slice(1, -1)}*`], 1_000)).toEqual([]);
  });

  it("take what a request costs, to the last one", async () => {
    const all = counter("a", 10, { cost: 10 });
    const four = counter("a", 10, { cost: 4 });
    expect([await take(four), await take(four), await take(four)]).toEqual([
      [1, 4, 60_000],
      [1, 8, 60_000],
      [0, 8, 60_000],
    ]);
    expect(await take({ ...four, cost: 2 })).toEqual([1, 10, 60_000]);
    edge.clock.time += 60_000;
    expect(await take(all)).toEqual([1, 10, 60_000]);
  });

  it("begin a window with the first use, and the next when it is over", async () => {
    const short = counter("short", 1, { windowMs: 2_000 });
    const long = counter("long", 9, { windowMs: 3_600_000 });
    expect(await take(short, long)).toEqual([1, 1, 2_000, 1, 3_600_000]);
    edge.clock.time += 1_999;
    expect(await take(short, long)).toEqual([0, 1, 1, 1, 3_598_001]);
    edge.clock.time += 1;
    expect(await take(short, long)).toEqual([1, 1, 2_000, 2, 3_598_000]);
    expect(await edge.redis(["PTTL", short.key], 1_000)).toSatisfy((ms: number) => ms > 0 && ms <= 2_000);
    expect(await edge.redis(["PTTL", long.key], 1_000)).toSatisfy((ms: number) => ms > 3_500_000 && ms <= 3_598_000);
  });

  it("go by the quota and the window of now", async () => {
    for (let i = 0; i < 3; i++) await take(counter("a", 3));
    expect(await take(counter("a", 3))).toEqual([0, 3, 60_000]);
    expect(await take(counter("a", 5))).toEqual([1, 4, 60_000]);
    expect(await take(counter("a", 2))).toEqual([0, 4, 60_000]);
    expect(await take(counter("a", 5, { windowMs: 1_000 }))).toEqual([1, 5, 1_000]);
    expect(await take(counter("a", 5, { windowMs: 1_000 }))).toEqual([0, 5, 1_000]);
  });

  it("lose nothing for an isolate whose clock is behind", async () => {
    for (let i = 0; i < 3; i++) {
      expect(await take(counter("a", 9))).toEqual([1, 1 + i, 60_000]);
      edge.clock.time -= 5;
    }
  });

  it("grant no more than there is to many at once", async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => take(counter("a", 20), counter("b", 30, { cost: 2 }))),
    );
    expect(answers.filter((answer) => answer?.[0] === 1).length).toBe(15);
    expect(await take(counter("a", 20, { cost: 6 }))).toEqual([0, 15, 60_000]);
  });

  it("take 1,500 at once, as a large batch does", async () => {
    const many = Array.from({ length: 1_500 }, (_, i) => counter(`n${i}`, 1));
    expect((await take(...many))?.[0]).toBe(1);
    expect((await take(...many.slice(-1)))?.[0]).toBe(0);
  });

  it("bring the script along when Redis has lost it", async () => {
    await take(counter("a", 5));
    await edge.redis(["SCRIPT", "FLUSH"], 1_000);
    const names: unknown[] = [];
    const { redis } = edge;
    edge.services.redis = (command, timeoutMs) => {
      names.push(command[0]);
      return redis(command, timeoutMs);
    };
    expect([await take(counter("a", 5)), await take(counter("a", 5))]).toEqual([
      [1, 2, 60_000],
      [1, 3, 60_000],
    ]);
    expect([names, edge.logs]).toEqual([["EVALSHA", "EVAL", "EVALSHA"], []]);
  });

  it.each([
    ["no counter", ["SET", "text"]],
    ["a list", ["LPUSH", "text"]],
  ])("begin anew where the stored value is %s", async (_, [command = "", value = ""]) => {
    const a = counter("a", 5);
    await edge.redis([command, a.key, value], 1_000);
    expect([await take(a), await take(a)]).toEqual([
      [1, 1, 60_000],
      [1, 2, 60_000],
    ]);
  });

  it("stand beside service tokens, which are new once", async () => {
    const jti = randomUUID();
    const first = () => isFirstUse(edge.redis, jti, 60);
    expect([await first(), await first()]).toEqual([true, false]);
  });

  it("are given up when Redis answers an error", async () => {
    const a = counter("a", 5);
    expect(await take(counter("a", NaN))).toBeUndefined();
    edge.services.redisOutage.pausedUntil = 0;
    edge.services.redisOutage.silentUntil = 0;
    edge.services.redis = over(server.url, "another");
    expect(await take(a)).toBeUndefined();
    expect(edge.logs).toEqual([
      expect.stringMatching(/^Redis does not answer; requests are not limited: RedisError: Redis answered 400$/),
      expect.stringMatching(/RedisError: Redis answered 401$/),
    ]);
  });
});

describe("a Redis that takes its time", () => {
  it("is waited for 300 ms, be it for its answer or for the end of it", async () => {
    let begins = false;
    const server = createServer((_, response) => {
      if (begins) response.write(`{"result":[1,`);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (typeof address !== "object" || !address) throw new Error("no port");
    const { services, logs } = servicesOver(`http://127.0.0.1:${address.port}`, 0);
    for (begins of [false, true]) {
      services.redisOutage.pausedUntil = 0;
      const since = performance.now();
      expect(await consumeFrom(services, [{ key: "k", quota: 1, windowMs: 1_000, cost: 1 }])).toBeUndefined();
      expect(performance.now() - since).toSatisfy((ms: number) => ms >= 290 && ms < 5_000);
    }
    expect(logs.length).toBe(1);
    server.closeAllConnections();
    server.close();
  });
});
