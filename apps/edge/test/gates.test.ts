import { claimPath, deliverPath, eventsPath, expandPath } from "@sandi/contracts";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createApp } from "../src/app.ts";
import { type Edge, limitAnswer, startEdge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));

afterEach(() => {
  vi.restoreAllMocks();
});

const to = "+6281234567890";
const id = "01jd3k9v7hq2w8x5n4b6m0c1ta";
/** Every route that takes a body, internal ones and hooks among them, with ids of nobody. */
const posts = createApp()
  .routes.filter(({ method }) => ["POST", "PUT", "PATCH", "DELETE"].includes(method))
  .map(
    ({ method, path }) =>
      `${method} ${path.replace("/hooks/supabase/:id", `/hooks/supabase/hook_${id}`).replace(":id", id).replace(":prefix", "6281234")}`,
  )
  .filter((request, i, all) => all.indexOf(request) === i);

const megabyte = `[${Array.from({ length: 349_000 }, () => "{}").join(",")}]`;
const bodies = {
  invalid: "{",
  deep: `${"[".repeat(10_000)}${"]".repeat(10_000)}`,
  huge: megabyte,
};
const json = { "content-type": "application/json" };

describe("a request without a key", () => {
  it("knows every route that takes a body", () => {
    expect(posts.length).toBeGreaterThan(40);
    for (const path of [claimPath, eventsPath, deliverPath, expandPath]) expect(posts).toContain(`POST ${path}`);
    expect(posts).toContain(`POST /v1/hooks/supabase/hook_${id}`);
  });

  it.each(posts)("%s is answered with 401, and its body is not parsed", async (request) => {
    const parse = vi.spyOn(JSON, "parse");
    for (const [name, body] of Object.entries(bodies)) {
      for (const headers of [json, { ...json, authorization: "Bearer nonsense" }]) {
        parse.mockClear();
        const [method = "", path = ""] = request.split(" ");
        const answer = await edge.fetch(new Request(`https://api.test${path}`, { method, headers, body }));
        const parsed = parse.mock.calls.filter(([text]) => text === body);
        expect([name, answer.status, parsed]).toEqual([name, 401, []]);
      }
    }
  });

  const forged = {
    [claimPath]: { authorization: "Bearer a.b.c" },
    [eventsPath]: { authorization: "Bearer a.b.c" },
    [deliverPath]: { "upstash-signature": "a.b.c" },
    [expandPath]: { "upstash-signature": "a.b.c" },
    [`/v1/hooks/supabase/hook_${id}`]: { "webhook-id": "a", "webhook-timestamp": "1", "webhook-signature": "v1,YQ==" },
  };
  it.each(Object.entries(forged))("%s parses nothing under a forged signature either", async (path, headers) => {
    const parse = vi.spyOn(JSON, "parse");
    for (const body of [bodies.invalid, "[".repeat(900), new Uint8Array([0xff, 0xfe])]) {
      const request = new Request(`https://api.test${path}`, {
        method: "POST",
        headers: { ...json, ...headers },
        body,
      });
      expect((await edge.fetch(request)).status).toBe(401);
      expect(parse.mock.calls.filter(([text]) => text === body)).toEqual([]);
    }
  });
});

describe("a key that has used up its limit", () => {
  it("is refused before its body is parsed, without a request to Redis, until its window ends", async () => {
    let asked = 0;
    edge.redis = ([, , count]) => {
      asked++;
      return Promise.resolve(limitAnswer(count, [0, 40, 1500]));
    };
    const first = await edge.api("POST /v1/verifications", { to });
    expect([first.status, first.body.code, asked]).toEqual([429, "rate-limited", 1]);

    const parse = vi.spyOn(JSON, "parse");
    const again = await edge.fetch(
      new Request("https://api.test/v1/verifications", {
        method: "POST",
        headers: { ...json, authorization: `Bearer ${edge.workspace.key}` },
        body: "{",
      }),
    );
    expect([again.status, again.headers.get("retry-after"), asked]).toEqual([429, "2", 1]);
    expect(again.headers.get("ratelimit")).toBe('"key";r=0;t=2');
    expect(parse).not.toHaveBeenCalled();
    parse.mockRestore();
    const other = await edge.addKey(edge.workspace.id);
    expect((await edge.api("POST /v1/verifications", "{", { key: other })).status).toBe(429);

    edge.advance(1_500);
    edge.redis = ([, , count]) => Promise.resolve(limitAnswer(count));
    expect((await edge.api("POST /v1/verifications", "{")).body.code).toBe("invalid-json");
  });

  it("is refused so on every route that takes a key", async () => {
    edge.redis = ([, , count]) => Promise.resolve(limitAnswer(count, [0, 40, 9000]));
    expect((await edge.api("GET /v1/sessions")).status).toBe(429);
    const withoutKey = /\/internal\/|\/hooks\/supabase\/hook_|\/v1\/workspaces$/;
    for (const request of posts.filter((each) => !withoutKey.test(each) || each.startsWith("PATCH"))) {
      const { status, body } = await edge.api(request, "{");
      expect([request, status, body.code]).toEqual([request, 429, "rate-limited"]);
    }
  });

  it("asks Redis again after ten seconds, for the operator may have granted more", async () => {
    edge.redis = ([, , count]) => Promise.resolve(limitAnswer(count, [0, 40, 600_000]));
    const { headers } = await edge.api("GET /v1/sessions");
    expect(headers.get("retry-after")).toBe("600");
    edge.redis = ([, , count]) => Promise.resolve(limitAnswer(count));
    expect((await edge.api("GET /v1/sessions")).status).toBe(429);
    edge.advance(10_000);
    expect((await edge.api("GET /v1/sessions")).status).toBe(200);
  });
});

const use = (key: string, address: string) =>
  edge.api("GET /v1/sessions", undefined, { key, headers: { "cf-connecting-ip": address } });

describe("unknown keys from one network", () => {
  let strangers: string[];

  beforeEach(async () => {
    const elsewhere = await startEdge();
    strangers = await Promise.all(Array.from({ length: 35 }, () => elsewhere.addKey(elsewhere.workspace.id)));
    elsewhere.close();
  });

  it("are refused before the look-up from the 31st in a minute, also when they come at once", async () => {
    const answers = await Promise.all(strangers.map((key) => use(key, "203.0.113.9")));
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(30);
    const refused = answers.find(({ status }) => status === 429);
    expect([refused?.body.code, refused?.headers.get("retry-after")]).toEqual(["rate-limited", "60"]);
    expect(edge.calls.database).toBe(30);

    edge.advance(60_000);
    expect((await use(strangers[34] ?? "", "203.0.113.9")).status).toBe(401);
  });

  it("are counted by the /64 of IPv6, and no other network is refused", async () => {
    await Promise.all(strangers.map((key, i) => use(key, `2001:db8::${i}`)));
    const fresh = await edge.addKey(edge.workspace.id);
    expect((await use(fresh, "2001:db8::ffff")).status).toBe(429);
    expect((await use(fresh, "2001:db8:0:1::1")).status).toBe(200);
  });

  it("lock out no key that works there, also when it has to be looked up again", async () => {
    expect((await use(edge.workspace.key, "203.0.113.9")).status).toBe(200);
    await Promise.all(strangers.map((key) => use(key, "203.0.113.9")));
    expect((await use(edge.workspace.key, "203.0.113.9")).status).toBe(200);
    edge.advance(59_000);
    await Promise.all(strangers.map((key) => use(key, "203.0.113.9")));
    edge.advance(2_000);
    expect((await use(edge.workspace.key, "203.0.113.9")).status).toBe(200);
  });

  it("cost one look-up a minute each, however often they come", async () => {
    const before = edge.calls.database;
    for (let i = 0; i < 100; i++) expect((await use(strangers[0] ?? "", "203.0.113.9")).status).toBe(401);
    expect(edge.calls.database - before).toBe(1);
    const fresh = await edge.addKey(edge.workspace.id);
    expect((await use(fresh, "203.0.113.9")).status).toBe(200);
  });
});

const send = (type: string) => edge.api("POST /v1/verifications", { to }, { headers: { "content-type": type } });

describe("a media type", () => {
  it.each([
    "application/json",
    "application/json ; charset=utf-8",
    'application/json;charset="utf-8"',
    "Application/JSON; Charset=UTF-8",
    "application/json;\tcharset=utf-8 ; version=1",
    "application/json;",
  ])("%s is JSON", async (type) => {
    await edge.addSession();
    expect((await send(type)).status).toBe(202);
  });

  it.each([
    "text/plain",
    "application/json-patch",
    "application/json; charset=iso-8859-1",
    'application/json; charset="utf-16"',
    "application/json charset=utf-8",
    "application/json; charset=utf-8, text/plain",
  ])("%s is refused", async (type) => {
    const { status, body } = await send(type);
    const detail = /; charset=(?!utf-8)/.test(type) ? "The only charset is UTF-8." : undefined;
    expect([status, body.code, body.detail]).toEqual([415, "unsupported-media-type", detail]);
  });

  it("of any length and form is read in a moment", async () => {
    const startedAt = performance.now();
    expect((await send(`application/json${"; ".repeat(30_000)}!`)).status).toBe(415);
    expect((await send(`application/json;a="${"\\".repeat(30_000)}`)).status).toBe(415);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});
