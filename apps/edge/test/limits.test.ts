import { Quota } from "@sandi/contracts";
import { webRandom, createKeyRing, generateKeyText } from "@sandi/crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createApp } from "../src/app.ts";
import type { Actor } from "../src/actor.ts";
import type { Context } from "../src/context.ts";
import { requestLimits } from "../src/rate-limits/request-limits.ts";
import type { Limit } from "../src/rate-limits/limit.ts";
import {
  accountSendLimit,
  endUserCheckLimit,
  endUserSendLimits,
  pollLimit,
  reachabilityLimits,
  workspaceSendLimits,
} from "../src/rate-limits/named.ts";
import type { Services } from "../src/services.ts";
import { type Answer, type Edge, startEdge, limitAnswer } from "./harness.ts";
import { useEdge } from "./use-edge.ts";
import { memoryRedis, type TestRedis } from "./limits-redis.ts";

let server: TestRedis;
let edge: Edge;
useEdge((started) => (edge = started));
/** The commands that reached Redis. */
let commands: (readonly (string | number)[])[];
const to = "+6281234567890";

beforeAll(async () => {
  server = await memoryRedis();
});
afterAll(() => server.stop());
beforeEach(() => {
  commands = [];
  edge.redis = (command) => {
    commands.push(command);
    // Not the 300 ms that the edge gives it: a busy machine is not what these tests are about.
    return server.redis(command, 10_000);
  };
});

const ask = () => edge.api("GET /v1/sessions");
const send = (more: Record<string, unknown>) => edge.api("POST /v1/verifications", { to, ...more });
/** Without the workspace's limit, which stands behind the key's in every answer. */
const told = ({ headers }: Answer) =>
  ["ratelimit-policy", "ratelimit"].map((name) => headers.get(name)?.replace(/, "workspace";[^,]*/, "") ?? null);

/** Seconds are enough for a slow machine, too: what Redis keeps lapses by its own clock. */
const grant = async (quota: Record<string, number>) => {
  await edge.client.execute({ sql: "UPDATE workspace SET quota = ?", args: [JSON.stringify(quota)] });
  edge.services.keyCache.clear();
};

describe("an API key's limit", () => {
  it("is in the headers of every answer", async () => {
    await grant({ keyPerSecond: 1 });
    const first = await ask();
    expect([first.status, ...told(first)]).toEqual([200, `"key";q=40;w=40`, `"key";r=39;t=40`]);
    const missing = await edge.api("GET /v1/sessions/ses_01jd3k9v7hq2w8x5n4b6m0c1ta");
    expect([missing.status, ...told(missing)]).toEqual([404, `"key";q=40;w=40`, `"key";r=38;t=40`]);
    edge.services.db = { ...edge.services.db, kysely: undefined as never };
    const failed = await ask();
    expect([failed.status, ...told(failed)]).toEqual([500, `"key";q=40;w=40`, `"key";r=37;t=40`]);
    for (const { headers } of [first, missing, failed]) {
      expect([...headers.keys()].filter((name) => name.startsWith("x-ratelimit"))).toEqual([]);
    }
  });

  it("is not shown without a key, and not consumed", async () => {
    await edge.api("GET /v1/sessions", undefined, { key: null });
    const answer = await edge.api("GET /v1/sessions", undefined, { key: `${edge.workspace.key.slice(0, -1)}!` });
    expect([answer.status, ...told(answer), commands]).toEqual([401, null, null, []]);
    await edge.client.execute(`UPDATE api_key SET ip_allow_list = '["192.0.2.1"]'`);
    const elsewhere = await edge.api("GET /v1/sessions", undefined, { headers: { "cf-connecting-ip": "192.0.2.2" } });
    expect([elsewhere.status, ...told(elsewhere), commands]).toEqual([403, null, null, []]);
  });

  it("refuses what is over it until its window is over, and leaves other keys alone", async () => {
    await grant({ keyPerSecond: 1, keyBurst: 20 });
    const statuses = await Promise.all(Array.from({ length: 25 }, () => ask()));
    expect(statuses.filter(({ status }) => status === 200).length).toBe(20);
    edge.advance(4_500);
    const refused = await ask();
    expect([refused.status, ...told(refused), refused.headers.get("retry-after")]).toEqual([
      429,
      `"key";q=20;w=20`,
      `"key";r=0;t=16`,
      "16",
    ]);
    expect(refused.body).toMatchObject({
      code: "rate-limited",
      title: "Too many requests",
      detail: "`key` allows 20 in 20 s.",
      retryAfter: 16,
    });
    const key = await edge.addKey(edge.workspace.id);
    expect((await edge.api("GET /v1/sessions", undefined, { key })).status).toBe(200);
    edge.advance(15_500);
    const next = await ask();
    expect([next.status, ...told(next)]).toEqual([200, `"key";q=20;w=20`, `"key";r=19;t=20`]);
  });

  it("counts what never comes to its handler, and refuses that as well", async () => {
    await grant({ keyPerSecond: 1, keyBurst: 10 });
    const answers: Answer[] = [];
    for (let i = 0; i < 12; i++) answers.push(await edge.api("POST /v1/verifications", "{"));
    expect(answers.map(({ status }) => status)).toEqual([...Array<number>(10).fill(400), 429, 429]);
    expect(answers.map((answer) => told(answer)[1])).toEqual(
      [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0].map((left) => `"key";r=${left};t=10`),
    );
  });

  it("is shown to people on the page of the error, too", async () => {
    const answer = await edge.api("GET /v1/sessions/none", undefined, { headers: { accept: "text/html" } });
    expect([answer.headers.get("content-type"), ...told(answer)]).toEqual([
      "text/html; charset=UTF-8",
      `"key";q=40;w=2`,
      `"key";r=39;t=2`,
    ]);
  });
});

describe("the limits of a check", () => {
  it("are asked before it counts: a refused check uses no attempt and approves nothing", async () => {
    await edge.addSession();
    const { body } = await edge.api<{ id: string }>("POST /v1/verifications", { to });
    const code = await edge.codeOf(body.id);
    const check = () => edge.api(`POST /v1/verifications/${body.id}/check`, { code });
    const rows = () => edge.rows("SELECT status, attempts_left FROM verification");
    const before = [{ status: "pending", attempts_left: 5 }];
    const { redis } = edge;
    let seen: unknown;
    edge.redis = async ([, , keys]) => {
      seen = await rows();
      return limitAnswer(keys, [0, 1_000_000, 1000]);
    };
    expect([(await check()).status, seen, await rows()]).toEqual([429, before, before]);
    edge.services.spentLimits.clear();
    edge.redis = redis;
    expect([(await check()).status, await rows()]).toEqual([200, [{ status: "approved", attempts_left: 4 }]]);
  });
});

describe("the limits of a send", () => {
  it("are taken together or not at all", async () => {
    await edge.client.execute(`UPDATE workspace SET policy = '{"countries":["*"],"accountSendsPerHour":1}'`);
    await edge.addSession();
    const first = await send({ endUserIp: "203.0.113.7", account: "user-42" });
    expect([first.status, ...told(first)]).toEqual([
      202,
      `"key";q=40;w=2, "workspace-sends";q=10000;w=86400, "ip-sends-minute";q=10;w=60, "ip-sends-hour";q=50;w=3600, "account-sends";q=1;w=3600`,
      `"key";r=39;t=2, "workspace-sends";r=9999;t=86400, "ip-sends-minute";r=9;t=60, "ip-sends-hour";r=49;t=3600, "account-sends";r=0;t=3600`,
    ]);
    const second = await send({ endUserIp: "203.0.113.7", account: "user-42" });
    expect([second.status, second.body.detail, second.headers.get("retry-after"), told(second)[1]]).toEqual([
      429,
      "`account-sends` allows 1 in 3600 s.",
      "3600",
      told(first)[1],
    ]);
    expect(await edge.count("message")).toBe(1);
  });

  it("name all that stand against it, and wait for the last", async () => {
    await edge.client.execute(
      `UPDATE workspace SET policy = '{"countries":["*"],"ipSendsPerMinute":1,"ipSendsPerHour":1}'`,
    );
    await edge.addSession();
    await send({ endUserIp: "203.0.113.7" });
    const { body } = await send({ endUserIp: "::ffff:203.0.113.7" });
    expect([body.detail, body.retryAfter]).toEqual([
      "`ip-sends-minute` allows 1 in 60 s. `ip-sends-hour` allows 1 in 3600 s.",
      3600,
    ]);
  });

  it("are asked while the code is sealed, and nothing is stored before Redis answers", async () => {
    await edge.addSession();
    // Now the templates are in the cache.
    await send({ to: "+6281234567891" });
    const { seal } = edge.services;
    const { promise: sealed, resolve: noteSeal } = Promise.withResolvers<void>();
    edge.services.seal = async (...value) => {
      const text = await seal(...value);
      noteSeal();
      return text;
    };
    let stored: number | undefined;
    edge.redis = async (command) => {
      await sealed;
      stored = await edge.count("verification");
      return server.redis(command, 10_000);
    };
    expect((await send({})).status).toBe(202);
    expect([stored, await edge.count("verification")]).toEqual([1, 2]);
  });

  it("refuse before any other rule does, and then nothing is stored", async () => {
    await edge.addSession();
    await grant({ sendsPerDay: 1, firstWeekSendsPerDay: 1 });
    expect((await send({})).status).toBe(202);
    const other = await send({ to: "+6281234567891" });
    const noCountry = await send({ to: "+99912345678" });
    expect([other, noCountry].map(({ body }) => body.code)).toEqual(["rate-limited", "rate-limited"]);
    expect([await edge.count("verification"), await edge.count("message")]).toEqual([1, 1]);
    await grant({ sendsPerDay: 2, firstWeekSendsPerDay: 2 });
    expect((await send({ to: "+99912345678" })).body.code).toBe("invalid-request");
  });

  it("refuse without a read of the database, also for a template that no isolate knows", async () => {
    await edge.addSession();
    await grant({ sendsPerDay: 1, firstWeekSendsPerDay: 1 });
    expect((await send({})).status).toBe(202);
    for (const more of [{}, { templateId: "tpl_01jd3k9v7hq2w8x5n4b6m0c1ta" }]) {
      edge.advance(60_000);
      // The key is in the cache again.
      await ask();
      const before = edge.calls.database;
      expect((await send(more)).body.code).toBe("rate-limited");
      expect(edge.calls.database - before).toBe(0);
    }
  });

  it("put neither addresses nor accounts nor numbers into Redis or logs, and all keys into one slot", async () => {
    await edge.addSession();
    const ip = "2001:db8:1:2::7";
    expect((await send({ endUserIp: ip, account: "user-42" })).status).toBe(202);
    edge.redis = () => Promise.reject(new Error(`Redis: ${ip} user-42`));
    expect((await send({ endUserIp: ip, account: "user-42" })).status).not.toBe(500);
    const text = JSON.stringify([commands, edge.logs]);
    for (const personal of [ip, "2001", "20010db8", "user-42", to, to.slice(1)]) expect(text).not.toContain(personal);
    expect(edge.logs).toEqual(["Redis does not answer; requests are not limited"]);
    const [command] = commands;
    const keys = command?.slice(3, 3 + Number(command[2])) ?? [];
    expect(keys.length).toBe(6);
    for (const each of keys) expect(each).toContain(`{${edge.workspace.id}}`);
  });
});

describe("a request while Redis is away", () => {
  let asked: number;

  beforeEach(() => {
    asked = 0;
    edge.redis = () => {
      asked++;
      return Promise.reject(new Error("away"));
    };
  });

  it("passes without headers, and does not ask again for two seconds", async () => {
    const answers = [await ask(), await ask(), await ask()];
    for (const answer of answers) expect([answer.status, ...told(answer)]).toEqual([200, null, null]);
    expect(asked).toBe(1);
    edge.advance(1_999);
    await ask();
    expect(asked).toBe(1);
    edge.advance(1);
    await ask();
    expect(asked).toBe(2);
  });

  it("is logged in one line every ten seconds", async () => {
    for (let seconds = 0; seconds < 20; seconds += 2) {
      await ask();
      edge.advance(2_000);
    }
    expect([asked, edge.logs]).toEqual([10, Array(2).fill("Redis does not answer; requests are not limited")]);
  });

  it("waits by itself: one asks whether Redis is back, the others go on", async () => {
    await ask();
    edge.advance(2_000);
    const { promise, resolve } = Promise.withResolvers<number[]>();
    edge.redis = () => {
      asked++;
      return promise;
    };
    const answered: Answer[] = [];
    const requests = Array.from({ length: 4 }, () => ask().then((answer) => answered.push(answer)));
    await vi.waitFor(() => expect(answered.length).toBe(3), 5_000);
    resolve([1, 1, 2000, 1, 2000]);
    await Promise.all(requests);
    expect([asked, answered.map(told)]).toEqual([
      2,
      [
        [null, null],
        [null, null],
        [null, null],
        [`"key";q=40;w=2`, `"key";r=39;t=2`],
      ],
    ]);
    edge.redis = (command) => server.redis(command, 10_000);
    expect(told(await ask())[1]).toBe(`"key";r=39;t=2`);
  });

  it.each([
    ["nothing", null],
    ["too little", [1, 2]],
    ["a list of text", ["1", "1", "2000", "1", "2000"]],
    ["something else", "OK"],
    ["an object", {}],
  ])("takes %s for no answer", async (_, result) => {
    edge.redis = () => Promise.resolve(result);
    expect([(await ask()).status, edge.logs.length]).toEqual([200, 1]);
  });
});

const brief = ({ name, quota, windowSeconds, cost = 1 }: Limit) => `${name} ${cost}/${quota}/${windowSeconds}`;

describe("a named limit", () => {
  const services = {
    phoneKey: createKeyRing(generateKeyText("n1", webRandom)),
    now: () => new Date(0),
  } as unknown as Services;
  const actor = {
    by: { kind: "key", id: "key_1" },
    workspaceId: "ws_1",
    workspaceCreatedAt: 1_000_000,
    environment: "live",
    policy: {
      ipSendsPerMinute: 10,
      ipSendsPerHour: 50,
      ipChecksPer5Minutes: 30,
      accountSendsPerHour: 10,
      statusPollsPerMinute: 60,
    },
    quota: Quota.parse({ keyBurst: 50, workspaceBurst: 250 }),
  } as Actor;
  const ctx = { services, actor } as Context;

  it("follows policy and quota", async () => {
    const all = [
      ...requestLimits(actor, true),
      ...(await endUserSendLimits(ctx, "203.0.113.7")),
      await endUserCheckLimit(ctx, "203.0.113.7"),
      await accountSendLimit(ctx, "user-42"),
      ...workspaceSendLimits(actor, 1_000_000 + 7 * 86_400_000, 3),
      ...workspaceSendLimits(actor, 1_000_000 + 7 * 86_400_000 - 1),
      pollLimit(actor, "ver_1"),
      ...reachabilityLimits(actor, 50),
    ];
    expect(all.map(brief)).toEqual([
      "key 1/50/2.5",
      "workspace 1/250/2.5",
      "idempotency-keys 1/50000/86400",
      "ip-sends-minute 1/10/60",
      "ip-sends-hour 1/50/3600",
      "ip-checks 1/30/300",
      "account-sends 1/10/3600",
      "workspace-sends 3/10000/86400",
      "workspace-sends 1/200/86400",
      "polls 1/60/60",
      "reachability-minute 50/20/60",
      "reachability-day 50/200/86400",
    ]);
  });

  const distinct = async (...ips: string[]) => {
    const limits = await Promise.all(ips.map((ip) => endUserCheckLimit(ctx, ip)));
    return new Set(limits.map(({ id }) => id)).size;
  };

  it("counts an address by its network, however it is spelled", async () => {
    expect(await distinct("2001:db8:1:2::7", "2001:0DB8:0001:0002:ffff:1:2:3", "2001:db8:1:2:0:0:0:0")).toBe(1);
    expect(await distinct("203.0.113.7", "::ffff:203.0.113.7", "::FFFF:cb00:7107", "0:0:0:0:0:ffff:cb00:7107")).toBe(1);
    expect(await distinct("2001:db8:1:2::7", "2001:db8:1:3::7", "203.0.113.7", "203.0.113.8", "::1")).toBe(5);
  });

  it("counts by workspace, kind and environment, and only the key shows for whom", async () => {
    const ids = await Promise.all([
      accountSendLimit(ctx, "203.0.113.7"),
      endUserCheckLimit(ctx, "203.0.113.7"),
      endUserCheckLimit({ ...ctx, actor: { ...actor, workspaceId: "ws_2" } }, "203.0.113.7"),
      endUserCheckLimit({ ...ctx, actor: { ...actor, environment: "test" } }, "203.0.113.7"),
      endUserCheckLimit(
        { ...ctx, services: { ...services, phoneKey: createKeyRing(generateKeyText("n1", webRandom)) } },
        "203.0.113.7",
      ),
    ]);
    expect(new Set(ids.map(({ id }) => id)).size).toBe(5);
    for (const { id } of ids) expect(id).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });
});

describe("requests that cost connectors and strangers more", () => {
  const quick = { keyPerSecond: 10_000, keyBurst: 10_000 };
  const slack = { kind: "slack", name: "a", url: "https://hooks.example.com/x" };

  it.each([
    ["session-creates", 100, "POST /v1/sessions", { name: "a" }],
    ["session-changes", 120, "POST /v1/sessions/:id/restart", undefined],
    ["alert-tests", 20, "POST /v1/alert-channels/:id/test", undefined],
  ])("has a limit of its own for the workspace, whichever key it takes: %s", async (name, most, route, input) => {
    await grant(quick);
    const sessionId = await edge.addSession();
    const channel = await edge.api("POST /v1/alert-channels", slack);
    const id = route.includes("alert") ? (channel.body["id"] as string) : sessionId;
    const keys = [edge.workspace.key, await edge.addKey(edge.workspace.id)];
    const call = (key: string) => edge.api(route.replace(":id", id), input, { key });
    for (let i = 0; i < most; i++) {
      const { status, body } = await call(keys[i % 2]!);
      expect(status).not.toBe(429);
      // As somebody would who wants no bound.
      if (status === 201) await edge.api(`DELETE /v1/sessions/${body["id"] as string}`);
    }
    const refused = await call(keys[0]!);
    expect([refused.status, refused.body["detail"]]).toEqual([
      429,
      expect.stringContaining(`\`${name}\` allows ${most} in`),
    ]);
    const another = await edge.addWorkspace();
    expect((await call(another.key)).status).not.toBe(429);
  });
});

describe("every route that wants a key", () => {
  type Operation = { requestBody?: { content: Record<string, { example?: unknown }> } };
  const kinds: Record<string, string> = { verifications: "ver", messages: "msg", sessions: "ses", templates: "tpl" };
  /** Opened by people with a signed link, by the operator with a token that works once, and signed by Supabase. */
  const withoutKey = new Set(["GET /v1/sessions/:id/qr-page", "POST /v1/workspaces", "POST /v1/hooks/supabase/:id"]);
  const routes = [
    ...new Set(
      createApp()
        .routes.filter(({ method, path }) => path.startsWith("/v1/") && method !== "ALL")
        .map(({ method, path }) => `${method} ${path}`),
    ),
  ].filter((route) => !withoutKey.has(route));

  let paths: Record<string, Record<string, Operation>>;

  beforeAll(async () => {
    const another = await startEdge();
    paths = (await another.api<{ paths: typeof paths }>("GET /openapi.json")).body.paths;
    another.close();
  });

  it.each(routes)(
    "%s takes from the key's limit and the workspace's in one request to Redis, and tells of it",
    async (route) => {
      const [method = "", pattern = ""] = route.split(" ");
      const path = pattern.replaceAll(/([a-z-]+)\/:[a-zA-Z]+(\{[^}]*\})?/g, (_, segment: string) => {
        return `${segment}/${kinds[segment] ?? segment.slice(0, 3)}_01jd3k9v7hq2w8x5n4b6m0c1ta`;
      });
      const described = paths[pattern.replaceAll(/:([a-zA-Z]+)(\{[^}]*\})?/g, "{$1}")]?.[method.toLowerCase()];
      const example = described?.requestBody?.content["application/json"]?.example;
      await edge.addSession();
      const attempts: [body: unknown, key: string][] = [
        [example, edge.workspace.key],
        [example, await edge.addKey(edge.workspace.id, ["lookup:read"])],
        [example, await edge.addKey(edge.workspace.id, undefined, { environment: "test" })],
        ...(method === "GET" ? [] : [["{", edge.workspace.key] as [unknown, string]]),
      ];
      for (const [input, key] of attempts) {
        // The script is there from the first command on.
        commands = [];
        const answer = await edge.api(`${method} ${path}`, input, { key });
        const { headers } = answer;
        expect([answer.status, headers.get("ratelimit-policy"), headers.get("ratelimit")]).toEqual([
          expect.toSatisfy((status: number) => status !== 401 && status !== 500),
          expect.stringMatching(/^"key";q=40;w=2, "workspace";q=200;w=2(, |$)/),
          expect.stringMatching(/^"key";r=\d+;t=2, "workspace";r=\d+;t=2(, |$)/),
        ]);
        expect(commands.filter(([name]) => name === "EVALSHA").length).toBe(1);
      }
    },
  );
});
