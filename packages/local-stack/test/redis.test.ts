import { Ratelimit } from "@upstash/ratelimit";
import { Redis } from "@upstash/redis";
import { createHash, randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type RedisRest, startRedisRest } from "../src/redis/server.ts";
import { redisProgram, type Running, startRedisServer } from "../src/real-servers.ts";

const token = "test-token";
const program = redisProgram();
const engines: { name: string; start: () => Promise<Running | undefined> }[] = [
  { name: "in memory", start: () => Promise.resolve(undefined) },
  ...(program === undefined ? [] : [{ name: "over a real Redis", start: () => startRedisServer(program) }]),
];
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const flagged = (script: string) => `#!lua flags=allow-key-locking\n${script}`;

describe.each(engines)("Redis over REST, $name", ({ start }) => {
  let real: Running | undefined;
  let rest: RedisRest;
  let redis: Redis;
  let key: string;

  beforeAll(async () => {
    real = await start();
    rest = await startRedisRest({ token, ...(real ? { redisUrl: real.url } : {}) });
    redis = new Redis({ url: rest.url, token, retry: false });
  });
  afterAll(async () => {
    await rest.close();
    await real?.stop();
  });
  beforeEach(() => {
    key = `k:${randomUUID()}`;
  });

  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(rest.url + path, { headers: { authorization: `Bearer ${token}` }, ...init });
    return { status: response.status, body: await response.json() };
  };

  const post = (body: string, path = "/") => ask(path, { method: "POST", body });

  it("returns text, numbers, JSON and null", async () => {
    expect(await redis.set(key, "grüße 🙂")).toBe("OK");
    expect(await redis.get(key)).toBe("grüße 🙂");
    await redis.set(key, { a: [1, null] });
    expect(await redis.get(key)).toEqual({ a: [1, null] });
    expect(await redis.incrby(`${key}:n`, 5)).toBe(5);
    expect(await redis.get(`${key}:none`)).toBeNull();
  });

  it("grants a lease to one client until it expires", async () => {
    expect(await redis.set(key, "first", { nx: true, px: 2_000 })).toBe("OK");
    expect(await redis.set(key, "second", { nx: true, px: 2_000 })).toBeNull();
    expect(await redis.get(key)).toBe("first");
    await pause(2_050);
    expect(await redis.set(key, "second", { nx: true, px: 2_000 })).toBe("OK");
  });

  it("grants one of 20 simultaneous requests for a lease", async () => {
    const granted = await Promise.all(Array.from({ length: 20 }, (_, n) => redis.set(key, n, { nx: true, ex: 10 })));
    expect(granted.filter(Boolean)).toEqual(["OK"]);
  });

  it("takes options in lower case and upper case alike", async () => {
    const set = (...options: string[]) =>
      ask("/", { method: "POST", body: JSON.stringify(["set", key, "v", ...options]) });
    expect((await set("nx", "px", "5000")).body).toEqual({ result: "OK" });
    expect((await set("nx", "px", "5000")).body).toEqual({ result: null });
    expect((await set("NX", "PX", "5000")).body).toEqual({ result: null });
    expect((await set("xx", "keepttl")).body).toEqual({ result: "OK" });
    expect(await redis.pttl(key)).toBeGreaterThan(1_000);
  });

  it("keeps a value that looks like an option as it is", async () => {
    await redis.set(key, "nx");
    expect(await redis.get(key)).toBe("nx");
    await redis.zadd(`${key}:z`, { score: 1, member: "xx" });
    expect(await redis.zrange(`${key}:z`, 0, -1)).toEqual(["xx"]);
  });

  it("returns and changes the lifetime of a key", async () => {
    await redis.set(key, "v", { ex: 100 });
    expect(await redis.ttl(key)).toBeGreaterThan(90);
    expect(await redis.persist(key)).toBe(1);
    expect(await redis.ttl(key)).toBe(-1);
    await redis.pexpire(key, 20);
    await pause(40);
    expect(await redis.exists(key)).toBe(0);
  });

  it("has hashes, sets, sorted sets and lists", async () => {
    await redis.hset(key, { a: 1, b: "two" });
    expect(await redis.hgetall(key)).toEqual({ a: 1, b: "two" });
    expect(await redis.hincrby(key, "a", 2)).toBe(3);
    expect(await redis.sadd(`${key}:s`, "x", "y")).toBe(2);
    expect((await redis.smembers(`${key}:s`)).toSorted()).toEqual(["x", "y"]);
    await redis.zadd(`${key}:z`, { score: 2, member: "late" }, { score: 1, member: "early" });
    expect(await redis.zrange(`${key}:z`, 0, -1, { withScores: true })).toEqual(["early", 1, "late", 2]);
    expect(await redis.rpush(`${key}:l`, "a", "b")).toBe(2);
    expect(await redis.lrange(`${key}:l`, 0, -1)).toEqual(["a", "b"]);
    expect(await redis.getdel(`${key}:none`)).toBeNull();
  });

  it("runs a pipeline in order, with one result for each command", async () => {
    const pipeline = redis.pipeline();
    pipeline.set(key, 1);
    pipeline.incr(key);
    pipeline.lpush(key, "not a list");
    pipeline.get(key);
    const results = await pipeline.exec({ keepErrors: true });
    expect(results.map(({ result }) => result)).toEqual(["OK", 2, undefined, 2]);
    expect(results[2]?.error).toMatch(/^WRONGTYPE/);
  });

  it("runs no other command during a transaction", async () => {
    const move = () => {
      const transaction = redis.multi();
      transaction.get(key);
      transaction.incr(key);
      transaction.get(key);
      return transaction.exec<[number | null, number, number]>();
    };
    const results = await Promise.all(Array.from({ length: 10 }, move));
    for (const [before, counted, after] of results) {
      expect(counted).toBe((before ?? 0) + 1);
      expect(after).toBe(counted);
    }
    expect(await redis.get(key)).toBe(10);
  });

  it("runs a script, its flags line included, by its text and by its own SHA", async () => {
    const script = flagged(`return redis.call("INCRBY", KEYS[1], ARGV[1])`);
    const sha = createHash("sha1").update(script).digest("hex");
    await expect(redis.evalsha(sha, [key], [1])).rejects.toThrow(/NOSCRIPT/);
    expect(await redis.eval(script, [key], [2])).toBe(2);
    expect(await redis.evalsha(sha, [key], [3])).toBe(5);
  });

  it("gives a script its commands' replies, their errors, and no globals of another run", async () => {
    const run = (script: string, ...args: string[]) => post(JSON.stringify(["EVAL", script, "1", key, ...args]));
    expect(await run(`redis.call("HSET", KEYS[1], "a", ARGV[1]) return redis.call("HGETALL", KEYS[1])`, "ü")).toEqual({
      status: 200,
      body: { result: ["a", "ü"] },
    });
    expect((await run(`return {redis.call("HGET", KEYS[1], "none"), 2.9, true, nil, 5}`)).body).toEqual({
      result: [null, 2, 1],
    });
    const scan = `local cursor, found = "0", {}
      repeat
        local page = redis.call("SCAN", cursor, "MATCH", KEYS[1])
        cursor = page[1]
        for _, name in ipairs(page[2]) do found[#found + 1] = name end
      until cursor == "0"
      return found`;
    expect((await run(scan)).body).toEqual({ result: [key] });
    expect((await run(`redis.call("HSET", KEYS[1], "f", 1.5) return redis.call("HGET", KEYS[1], "f")`)).body).toEqual({
      result: "1.5",
    });
    expect((await run(`local all = 1`)).body).toEqual({ result: null });
    expect((await run(`return redis.call("SET", KEYS[1] .. ":s", "x")`)).body).toEqual({ result: "OK" });
    expect((await run(`return redis.pcall("LPUSH", KEYS[1], "x")`)).body).toMatchObject({
      error: expect.stringMatching(/^WRONGTYPE/),
    });
    expect((await run(`return redis.call("LPUSH", KEYS[1], "x")`)).body).toMatchObject({
      error: expect.stringMatching(/^WRONGTYPE/),
    });
    expect((await run(`return redis.pcall("LPUSH", KEYS[1], "x").err and "caught"`)).body).toEqual({
      result: "caught",
    });
    expect((await run(`leak = 1`)).status).toBe(400);
    expect((await run(`return (`)).status).toBe(400);
    expect((await run(`return ARGV[1]`)).body).toEqual({ result: null });
  });

  it("loads a script under the SHA that the client computes", async () => {
    const script = flagged(`return {KEYS[1], ARGV[1], 7, false} -- ${key}`);
    const sha = createHash("sha1").update(script).digest("hex");
    expect(await redis.scriptExists(sha)).toEqual([0]);
    expect(await redis.scriptLoad(script)).toBe(sha);
    expect(await redis.scriptExists(sha)).toEqual([1]);
    expect(await redis.evalsha(sha, [key], ["v"])).toEqual([key, "v", 7, null]);
  });

  it("releases a lease only to its owner", async () => {
    const release = flagged(
      `if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end return 0`,
    );
    await redis.set(key, "mine", { nx: true, px: 10_000 });
    expect(await redis.eval(release, [key], ["another's"])).toBe(0);
    expect(await redis.eval(release, [key], ["mine"])).toBe(1);
  });

  it.each([
    ["fixed", Ratelimit.fixedWindow(5, "10 m")],
    ["sliding", Ratelimit.slidingWindow(5, "10 m")],
  ])("lets five through a %s window, of 12 at once, and forgets them on reset", async (_, limiter) => {
    const ratelimit = new Ratelimit({ redis, limiter, prefix: key, ephemeralCache: false, timeout: 0 });
    const answers = await Promise.all(Array.from({ length: 12 }, () => ratelimit.limit("user")));
    expect(answers.filter(({ success }) => success)).toHaveLength(5);
    expect((await ratelimit.limit("somebody else")).success).toBe(true);
    expect((await ratelimit.getRemaining("user")).remaining).toBe(0);
    await ratelimit.resetUsedTokens("user");
    expect((await ratelimit.limit("user")).success).toBe(true);
  });

  it("opens a fixed window again after its end", async () => {
    const ratelimit = new Ratelimit({
      redis,
      limiter: Ratelimit.fixedWindow(1, "40 ms"),
      prefix: key,
      ephemeralCache: false,
      timeout: 0,
    });
    const first = await ratelimit.limit("user");
    expect(first.success).toBe(true);
    await pause(first.reset - Date.now() + 5);
    expect((await ratelimit.limit("user")).success).toBe(true);
  });

  it("takes a command as a path", async () => {
    expect((await ask(`/set/${encodeURIComponent(key)}/a%2Fb?EX=100`)).body).toEqual({ result: "OK" });
    expect((await ask(`/get/${encodeURIComponent(key)}`)).body).toEqual({ result: "a/b" });
    expect((await ask(`/set/${encodeURIComponent(key)}`, { method: "POST", body: "from the body" })).body).toEqual({
      result: "OK",
    });
    expect(await redis.ttl(key)).toBe(-1);
    expect(await redis.get(key)).toBe("from the body");
  });

  it("answers in base64 when asked to, lists included", async () => {
    await redis.rpush(key, "ä", "b");
    const headers = { authorization: `Bearer ${token}`, "upstash-encoding": "base64" };
    const { body } = await ask("/", { method: "POST", headers, body: JSON.stringify(["lrange", key, 0, -1]) });
    expect(body).toEqual({ result: [Buffer.from("ä").toString("base64"), "Yg=="] });
  });

  it("answers errors and keeps running", async () => {
    expect(await post(`["nonsense"]`)).toMatchObject({
      status: 400,
      body: { error: expect.stringMatching(/^ERR unknown command/) },
    });
    await redis.set(key, "text");
    expect(await post(JSON.stringify(["incr", key]))).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining("not an integer") },
    });
    expect(await post(JSON.stringify(["get"]))).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining("wrong number of arguments") },
    });
    for (const body of ["", "{", "{}", "[]", "null", `"get"`]) expect((await post(body)).status).toBe(400);
    for (const body of ["[]", "{}", `["get", "a"]`]) expect((await post(body, "/pipeline")).status).toBe(400);
    expect(await redis.ping()).toBe("PONG");
  });

  it("requires its token", async () => {
    for (const authorization of ["", "Bearer wrong-token", "Bearer test-toke", `Basic ${token}`]) {
      expect((await ask("/", { method: "POST", headers: { authorization }, body: `["ping"]` })).status).toBe(401);
    }
  });
});

describe("the Redis in memory", () => {
  it("shows nothing to another instance, and is empty at its next start", async () => {
    const [one, two] = await Promise.all([startRedisRest({ token }), startRedisRest({ token })]);
    const client = (rest: RedisRest) => new Redis({ url: rest.url, token, retry: false });
    await client(one).set("k", "v");
    expect(await client(two).get("k")).toBeNull();
    const { port } = one;
    await one.close();
    const again = await startRedisRest({ token, port });
    expect(await client(again).get("k")).toBeNull();
    await Promise.all([again.close(), two.close()]);
  });

  it("names the port that is taken, and the Redis that does not answer", async () => {
    const one = await startRedisRest({ token });
    await expect(startRedisRest({ token, port: one.port })).rejects.toMatchObject({ port: one.port });
    await one.close();
    await expect(startRedisRest({ token, redisUrl: `redis://127.0.0.1:${one.port}` })).rejects.toThrow(
      /no Redis answers at 127/,
    );
  });
});
