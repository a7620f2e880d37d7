import type { ApiKey, ApiKeyList, CreatedApiKey } from "@sandi/contracts";
import { scopes } from "@sandi/contracts";
import { hashApiKey } from "@sandi/crypto";
import { describe, expect, it } from "vitest";
import { DatabaseFetchError } from "../src/db/failures.ts";
import { createKey } from "../src/keys/create-key.ts";
import { rotateKey } from "../src/keys/rotate-key.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
const day = 86_400_000;

const input = { name: "Checkout", scopes: ["otp:send", "otp:check"] };
const create = (more: Record<string, unknown> = {}, options = {}) =>
  edge.api<CreatedApiKey>("POST /v1/keys", { ...input, ...more }, options);
const rotate = (id: string, body: unknown = {}, options = {}) =>
  edge.api<CreatedApiKey>(`POST /v1/keys/${id}/rotate`, body, options);
const use = (key: string | null, headers = {}) => edge.api("GET /v1/sessions", undefined, { key, headers });
const isoIn = (ms: number) => new Date(edge.services.now().getTime() + ms).toISOString();
const idOf = async (key: string) =>
  String((await edge.rows("SELECT id FROM api_key WHERE hash = ?", await hashApiKey(key)))[0]?.["id"]);
const audit = () => edge.rows("SELECT actor, action, target, detail FROM audit ORDER BY rowid");
const admin: (typeof scopes)[number][] = ["key:manage", "session:manage"];

describe("an API key", () => {
  it("is answered once, works, and is never shown again; only its hash is stored", async () => {
    edge.advance(1);
    const { status, body, headers } = await create({ scopes: ["session:manage", "otp:send", "otp:send"] });
    const { key, ...shown } = body;
    expect(status).toBe(201);
    expect(headers.get("location")).toBe(`/v1/keys/${body.id}`);
    expect(shown).toMatchObject({
      name: "Checkout",
      prefix: key?.slice(11, 19),
      environment: "live",
      scopes: ["otp:send", "session:manage"],
      ipAllowList: [],
      expiresAt: null,
      revokedAt: null,
      lastUsedAt: null,
      replacedBy: null,
    });
    expect(await edge.api(`GET /v1/keys/${body.id}`)).toMatchObject({ status: 200, body: shown });
    expect((await use(key)).status).toBe(200);
    await edge.settled();
    const list = await edge.api<ApiKeyList>("GET /v1/keys");
    expect(list.body.keys.map(({ id }) => id)).toEqual([body.id, await idOf(edge.workspace.key)]);
    expect(list.body.keys[0]?.lastUsedAt).toBe(isoIn(0));
    const stored = JSON.stringify([
      await edge.rows("SELECT * FROM api_key"),
      await audit(),
      await edge.rows("SELECT * FROM idempotency"),
    ]);
    expect(stored).not.toContain(key);
    expect(list.text).not.toContain(await hashApiKey(key ?? ""));
    expect(await audit()).toEqual([
      {
        actor: await idOf(edge.workspace.key),
        action: "key.created",
        target: body.id,
        detail: JSON.stringify({
          name: "Checkout",
          environment: "live",
          scopes: ["otp:send", "session:manage"],
          ipAllowList: [],
          expiresAt: null,
        }),
      },
    ]);
  });

  it("is made once for one Idempotency-Key, and a replay is without the key", async () => {
    const headers = { "idempotency-key": "k" };
    const first = await create({}, { headers });
    await edge.settled();
    const again = await create({}, { headers });
    expect([again.status, again.body, again.headers.get("idempotent-replayed")]).toEqual([
      201,
      { ...first.body, key: null },
      "true",
    ]);
    expect((await create({ name: "Other" }, { headers })).body.code).toBe("idempotency-key-reused");
    await edge.client.execute("UPDATE idempotency SET response = NULL");
    expect((await create({}, { headers })).body).toEqual({ ...first.body, key: null });
    expect(await edge.count("api_key")).toBe(2);
    expect(JSON.stringify(await edge.rows("SELECT * FROM idempotency"))).not.toContain(first.body.key);
  });

  it("is listed by pages, newest first", async () => {
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) {
      edge.advance(1);
      ids.unshift((await create({ name: `k${i}` })).body.id);
    }
    const first = await edge.api<ApiKeyList>("GET /v1/keys?limit=2");
    expect([first.body.keys.map(({ id }) => id), first.body.nextCursor]).toEqual([ids.slice(0, 2), ids[1]]);
    const second = await edge.api<ApiKeyList>(`GET /v1/keys?limit=2&cursor=${first.body.nextCursor}`);
    expect([second.body.keys.length, second.body.keys[0]?.id, second.body.nextCursor]).toEqual([2, ids[2], null]);
    for (const wrong of ["limit=0", "limit=101", "limit=x", "cursor=1"])
      expect((await edge.api(`GET /v1/keys?${wrong}`)).status).toBe(400);
  });

  it("is another workspace's: then there is none", async () => {
    const stranger = await edge.addWorkspace();
    const id = await idOf(stranger.key);
    for (const [request, body] of [
      [`GET /v1/keys/${id}`],
      [`PATCH /v1/keys/${id}`, { name: "x" }],
      [`DELETE /v1/keys/${id}`],
      [`POST /v1/keys/${id}/rotate`, {}],
      ["GET /v1/keys/key_1"],
    ] as const) {
      const answer = await edge.api(request, body);
      expect([answer.status, answer.body.code]).toEqual([404, "key-not-found"]);
    }
    expect((await use(stranger.key)).status).toBe(200);
    expect(await audit()).toEqual([]);
  });

  it.each([
    ["/name", { name: "" }],
    ["/name", { name: "a\nb" }],
    ["/name", { name: "x".repeat(65) }],
    ["/scopes", { scopes: [] }],
    ["/scopes/0", { scopes: ["everything"] }],
    ["/environment", { environment: "prod" }],
    ["/expiresAt", { expiresAt: "tomorrow" }],
    ["/expiresAt", { expiresAt: "2026-11-21T08:00:00.000Z" }],
    ["/ipAllowList/1", { ipAllowList: ["10.0.0.0/8", "10.0.0.1/8"] }],
    ["/ipAllowList/0", { ipAllowList: ["fe80::1%eth0"] }],
    ["/ipAllowList", { ipAllowList: Array.from({ length: 101 }, (_, i) => `10.0.0.${i}`) }],
    ["/hash", { hash: "x" }],
  ])("with a wrong %s is refused: %j", async (pointer, more) => {
    const { status, body } = await create(more);
    expect([status, body.errors?.map((each) => each.pointer)]).toEqual([400, [pointer]]);
  });

  it("is one of a hundred that work; revoked and expired ones do not count", async () => {
    const ctx = await edge.contextOf();
    const make = (more = {}) =>
      createKey(
        ctx,
        {
          input: { name: "k", scopes: ["otp:send"], environment: "live", ipAllowList: [], ...more },
          idempotencyKey: undefined,
        },
        3,
      );
    const { resource } = await make();
    await make({ expiresAt: isoIn(1000) });
    await expect(make()).rejects.toMatchObject({ code: "key-limit-reached" });
    edge.advance(1000);
    await make();
    await edge.api(`DELETE /v1/keys/${resource.id}`);
    await make();
    const all = await Promise.allSettled(Array.from({ length: 5 }, () => make()));
    expect(all.filter(({ status }) => status === "fulfilled")).toEqual([]);
    const { resource: other } = { resource: (await edge.api<ApiKeyList>("GET /v1/keys")).body.keys[0] as ApiKey };
    await expect(rotateKey(ctx, { id: other.id, graceSeconds: 1, idempotencyKey: undefined }, 3)).rejects.toMatchObject(
      {
        code: "key-limit-reached",
      },
    );
  });
});

describe("a key's powers", () => {
  it("are not exceeded by the keys that it makes", async () => {
    const key = await edge.addKey(edge.workspace.id, admin, { expiresAt: edge.services.now().getTime() + day });
    const cases: [Record<string, unknown>, number][] = [
      [{ scopes: ["otp:send"] }, 403],
      [{ scopes: [...scopes] }, 403],
      [{ scopes: admin, expiresAt: null }, 403],
      [{ scopes: admin, expiresAt: isoIn(day + 1) }, 403],
      [{ scopes: admin, expiresAt: isoIn(day) }, 201],
      [{ scopes: ["session:manage"], environment: "test" }, 201],
    ];
    for (const [more, status] of cases) expect((await create(more, { key })).status).toBe(status);
    const { body } = await create({ scopes: admin }, { key });
    expect(body.expiresAt).toBe(isoIn(day));
    expect((await create({ scopes: ["otp:send"] }, { key })).body.code).toBe("insufficient-scope");
  });

  it("do not reach a key that may do more", async () => {
    const key = await edge.addKey(edge.workspace.id, admin);
    const stronger = await idOf(edge.workspace.key);
    for (const [request, body] of [
      [`PATCH /v1/keys/${stronger}`, { name: "mine" }],
      [`PATCH /v1/keys/${stronger}`, { scopes: ["key:manage"] }],
      [`DELETE /v1/keys/${stronger}`],
      [`POST /v1/keys/${stronger}/rotate`, {}],
    ] as const) {
      const answer = await edge.api(request, body, { key });
      expect([answer.status, answer.body.code]).toEqual([403, "insufficient-scope"]);
    }
    const own = await idOf(key);
    const widened = await edge.api(`PATCH /v1/keys/${own}`, { scopes: [...admin, "otp:send"] }, { key });
    expect(widened.body.code).toBe("insufficient-scope");
    expect(await audit()).toEqual([]);
  });

  it("end with its time, also through a rotation or a change", async () => {
    const key = await edge.addKey(edge.workspace.id, admin, { expiresAt: edge.services.now().getTime() + day });
    const forever = await idOf(await edge.addKey(edge.workspace.id, admin));
    expect((await rotate(forever, {}, { key })).body.code).toBe("insufficient-scope");
    const own = `PATCH /v1/keys/${await idOf(key)}`;
    expect((await edge.api(own, { expiresAt: null }, { key })).body.code).toBe("insufficient-scope");
    expect((await edge.api(own, { expiresAt: isoIn(day + 1) }, { key })).body.code).toBe("insufficient-scope");
    expect((await edge.api(own, { expiresAt: isoIn(day - 1) }, { key })).status).toBe(200);
    expect((await edge.api(`PATCH /v1/keys/${forever}`, { name: "other" }, { key })).body.code).toBe(
      "insufficient-scope",
    );
  });

  it("of a test key reach test keys only", async () => {
    const key = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
    const live = await idOf(edge.workspace.key);
    expect((await create({}, { key })).body.code).toBe("insufficient-scope");
    for (const [request, body] of [
      [`PATCH /v1/keys/${live}`, { name: "mine" }],
      [`DELETE /v1/keys/${live}`],
      [`POST /v1/keys/${live}/rotate`, {}],
    ] as const) {
      expect((await edge.api(request, body, { key })).body.code).toBe("insufficient-scope");
    }
    const made = await create({ environment: "test" }, { key });
    expect([made.status, made.body.environment, made.body.key?.startsWith("sandi_test_")]).toEqual([201, "test", true]);
  });

  it("are gone for changes at once when another isolate still knows it", async () => {
    const key = await edge.addKey(edge.workspace.id, [...admin, "otp:send"]);
    const other = await edge.addKey(edge.workspace.id, admin);
    await use(key);
    const id = await idOf(key);
    const elsewhere = (sql: string) => edge.client.execute({ sql, args: [id] });
    await elsewhere(`UPDATE api_key SET scopes = '["key:manage"]' WHERE id = ?`);
    expect((await create({ scopes: ["otp:send"] }, { key })).body.code).toBe("unauthenticated");
    await elsewhere("UPDATE api_key SET revoked_at = 1 WHERE id = ?");
    for (const [request, body] of [
      ["POST /v1/keys", { ...input, scopes: ["key:manage"] }],
      [`PATCH /v1/keys/${await idOf(other)}`, { scopes: ["key:manage"] }],
      [`POST /v1/keys/${await idOf(other)}/rotate`, {}],
    ] as const) {
      expect((await edge.api(request, body, { key })).body.code).toBe("unauthenticated");
    }
    expect(await audit()).toEqual([]);
  });

  it("want the scope key:manage", async () => {
    const key = await edge.addKey(
      edge.workspace.id,
      scopes.filter((scope) => scope !== "key:manage"),
    );
    for (const request of [
      "GET /v1/keys",
      `GET /v1/keys/${await idOf(key)}`,
      "POST /v1/keys",
      `DELETE /v1/keys/${await idOf(key)}`,
    ]) {
      expect((await edge.api(request, undefined, { key })).status).toBe(403);
    }
  });
});

describe("a change of a key", () => {
  it("is effective at once here, and logs what it was", async () => {
    const { body } = await create({ scopes: ["session:manage"] });
    expect((await use(body.key)).status).toBe(200);
    const path = `PATCH /v1/keys/${body.id}`;
    const changed = await edge.api<ApiKey>(path, {
      scopes: ["otp:send"],
      ipAllowList: ["203.0.113.0/24"],
      expiresAt: isoIn(day),
    });
    expect(changed.body).toMatchObject({
      name: "Checkout",
      scopes: ["otp:send"],
      ipAllowList: ["203.0.113.0/24"],
      expiresAt: isoIn(day),
    });
    expect((await use(body.key)).status).toBe(403);
    expect(JSON.parse(String((await audit())[1]?.["detail"]))).toEqual({
      scopes: { from: ["session:manage"], to: ["otp:send"] },
      ipAllowList: { from: [], to: ["203.0.113.0/24"] },
      expiresAt: { from: null, to: isoIn(day) },
    });
    expect((await edge.api(path, {})).body).toMatchObject({ scopes: ["otp:send"] });
    expect((await edge.api(path, { expiresAt: null, ipAllowList: [] })).body).toMatchObject({
      expiresAt: null,
      ipAllowList: [],
    });
    expect(await edge.count("audit")).toBe(3);
  });

  it.each([
    ["/name", { name: "a\nb" }],
    ["/scopes", { scopes: [] }],
    ["/expiresAt", { expiresAt: "2026-11-21T08:00:00.000Z" }],
    ["/ipAllowList/1", { ipAllowList: ["10.0.0.0/8", "10.0.0.1/8"] }],
    ["/environment", { environment: "test" }],
  ])("with a wrong %s is refused: %j", async (pointer, change) => {
    const { body } = await create();
    const { status, body: problem } = await edge.api(`PATCH /v1/keys/${body.id}`, change);
    expect([status, problem.errors?.map((each) => each.pointer)]).toEqual([400, [pointer]]);
  });

  it("does not undo another's at the same time", async () => {
    const { body } = await create();
    await Promise.all([
      edge.api(`PATCH /v1/keys/${body.id}`, { name: "a" }),
      edge.api(`PATCH /v1/keys/${body.id}`, { scopes: ["otp:check"] }),
      edge.api(`PATCH /v1/keys/${body.id}`, { ipAllowList: ["::1"] }),
    ]);
    const found = await edge.api<ApiKey>(`GET /v1/keys/${body.id}`);
    expect(found.body).toMatchObject({ name: "a", scopes: ["otp:check"], ipAllowList: ["::1"] });
  });

  it("is refused when the key has ended", async () => {
    const { body: revoked } = await create();
    await edge.api(`DELETE /v1/keys/${revoked.id}`);
    const { body: rotated } = await create();
    await rotate(rotated.id);
    const { body: expired } = await create({ expiresAt: isoIn(1000) });
    edge.advance(1000);
    for (const { id } of [revoked, rotated, expired]) {
      const answers = [await edge.api(`PATCH /v1/keys/${id}`, { name: "x" }), await rotate(id)];
      expect(answers.map(({ status, body }) => [status, body.code])).toEqual([
        [409, "key-ended"],
        [409, "key-ended"],
      ]);
    }
  });
});

describe("a revoked key", () => {
  it("is refused at once here and within a minute elsewhere; revoking again changes nothing", async () => {
    const { body } = await create({ scopes: ["session:manage"] });
    await use(body.key);
    const elsewhere = new Map(edge.services.keyCache);
    expect((await edge.api(`DELETE /v1/keys/${body.id}`)).status).toBe(204);
    expect((await use(body.key)).status).toBe(401);
    edge.services.keyCache = elsewhere;
    edge.advance(59_999);
    expect((await use(body.key)).status).toBe(200);
    edge.advance(1);
    expect((await use(body.key)).status).toBe(401);
    expect((await edge.api(`DELETE /v1/keys/${body.id}`)).status).toBe(204);
    expect((await audit()).map(({ action }) => action)).toEqual(["key.created", "key.revoked"]);
    const found = await edge.api<ApiKey>(`GET /v1/keys/${body.id}`);
    expect(found.body.revokedAt).toBe(isoIn(-60_000));
  });
});

describe("a rotation", () => {
  it("makes a key with the same properties, and the old one ends after its grace period", async () => {
    const { body: old } = await create({
      scopes: ["session:manage"],
      ipAllowList: ["203.0.113.7"],
      environment: "test",
      expiresAt: isoIn(30 * day),
    });
    const { status, body } = await rotate(old.id, { graceSeconds: 3600 });
    expect(status).toBe(201);
    const { key, ...shown } = body;
    expect(key).not.toBe(old.key);
    const { name, scopes: sameScopes, ipAllowList, environment, expiresAt } = old;
    expect(shown).toMatchObject({ name, scopes: sameScopes, ipAllowList, environment, expiresAt, replacedBy: null });
    const found = await edge.api<ApiKey>(`GET /v1/keys/${old.id}`);
    expect(found.body).toMatchObject({ replacedBy: body.id, expiresAt: isoIn(3_600_000), revokedAt: null });
    const headers = { "cf-connecting-ip": "203.0.113.7" };
    expect([(await use(key, headers)).status, (await use(old.key, headers)).status]).not.toContain(401);
    edge.advance(3_600_000);
    expect([(await use(old.key, headers)).status]).toEqual([401]);
    expect((await use(key, headers)).status).not.toBe(401);
    expect((await audit()).at(-1)).toMatchObject({
      action: "key.rotated",
      target: old.id,
      detail: JSON.stringify({ replacedBy: body.id, graceSeconds: 3600 }),
    });
  });

  it("of the calling key itself without grace locks that out at once", async () => {
    const key = await edge.addKey(edge.workspace.id, admin);
    const { body } = await rotate(await idOf(key), { graceSeconds: 0 }, { key });
    expect([(await use(key)).status, (await use(body.key)).status]).toEqual([401, 200]);
  });

  it("never makes the old key last longer", async () => {
    const { body: old } = await create({ expiresAt: isoIn(1000) });
    await rotate(old.id);
    const found = await edge.api<ApiKey>(`GET /v1/keys/${old.id}`);
    expect(found.body.expiresAt).toBe(isoIn(1000));
  });

  it("happens once, however many ask, and once for one Idempotency-Key", async () => {
    const { body: old } = await create();
    const answers = await Promise.all(Array.from({ length: 4 }, () => rotate(old.id)));
    expect(answers.map(({ status }) => status).filter((status) => status === 201)).toEqual([201]);
    const { body: other } = await create();
    const headers = { "idempotency-key": "r" };
    const first = await rotate(other.id, {}, { headers });
    await edge.settled();
    const again = await rotate(other.id, {}, { headers });
    expect([again.status, again.body]).toEqual([201, { ...first.body, key: null }]);
    expect(await edge.count("api_key")).toBe(5);
  });

  it.each([-1, 604_801, 1.5, "60"])("with a grace of %j is refused", async (graceSeconds) => {
    const { body } = await create();
    const answer = await rotate(body.id, { graceSeconds });
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([400, "/graceSeconds"]);
  });
});

describe("a key's list of addresses", () => {
  it.each([
    [["203.0.113.0/24", "2001:db8::/32"], "203.0.113.9", 200],
    [["203.0.113.0/24", "2001:db8::/32"], "2001:db8:1::9", 200],
    [["203.0.113.0/24"], "::ffff:203.0.113.9", 200],
    [["203.0.113.0/24"], "203.0.114.9", 403],
    [["203.0.113.0/24"], "203.0.113.9, 10.0.0.1", 403],
    [["0.0.0.0/0"], "2001:db8::1", 403],
    [["::/0"], "203.0.113.9", 200],
    [["203.0.113.9"], undefined, 403],
    [["203.0.113.9"], "", 403],
    [[], undefined, 200],
  ])("%j, from %s: %i", async (ipAllowList, address, status) => {
    const { body } = await create({ scopes: ["session:manage"], ipAllowList });
    const answer = await use(body.key, address === undefined ? {} : { "cf-connecting-ip": address });
    expect(answer.status).toBe(status);
    expect(answer.body.code).toBe(status === 403 ? "address-not-allowed" : undefined);
  });

  it.each([
    [[], 403],
    [["198.51.100.1"], 403],
    [["203.0.113.0/24", "198.51.100.1"], 403],
    [["203.0.112.0/23"], 403],
    [["203.0.113.128/25", "203.0.113.1"], 201],
  ])("gives no key for other addresses: %j is %i", async (ipAllowList, status) => {
    const { body } = await create({ scopes, ipAllowList: ["203.0.113.0/24"] });
    const from = { key: body.key ?? "", headers: { "cf-connecting-ip": "203.0.113.7" } };
    const made = await edge.api("POST /v1/keys", { name: "k", scopes: ["otp:send"], ipAllowList }, from);
    expect([made.status, made.body.code]).toEqual([status, status === 403 ? "insufficient-scope" : undefined]);
    const changed = await edge.api(`PATCH /v1/keys/${body.id}`, { ipAllowList }, from);
    expect(changed.status).toBe(status === 403 ? 403 : 200);
  });

  it("is not passed by headers that anyone can send", async () => {
    const { body } = await create({ scopes: ["session:manage"], ipAllowList: ["203.0.113.9"] });
    const headers = { "x-forwarded-for": "203.0.113.9", "x-real-ip": "203.0.113.9", "true-client-ip": "203.0.113.9" };
    expect((await use(body.key, headers)).status).toBe(403);
  });
});

/** The next write fails: before it was stored, or after it; `settles` tells whether the one behind it is answered. */
function loseNextWrite(fault: "before" | "after", settles = true) {
  const { db } = edge.services;
  let lost = 0;
  edge.services.db = {
    ...db,
    write: async (queries) => {
      if (lost++ > (settles ? 0 : 1)) return db.write(queries);
      if (fault === "after") await db.write(queries);
      if (lost === 1 || !settles) throw new DatabaseFetchError("lost");
      return db.write(queries);
    },
  };
}
const table = () => edge.rows("SELECT name, scopes, revoked_at, expires_at, replaced_by FROM api_key ORDER BY id");

describe("when the database loses an answer", () => {
  it("a key that was stored is answered, and works", async () => {
    loseNextWrite("after");
    const { status, body } = await create({ scopes: ["session:manage"] });
    expect([status, (await use(body.key)).status]).toEqual([201, 200]);
    const { status: rotated, body: replacement } = await (loseNextWrite("after"), rotate(body.id));
    expect([rotated, (await use(replacement.key)).status]).toEqual([201, 200]);
  });

  it.each(["before", "after"] as const)("a 503 to a create leaves no key (%s)", async (fault) => {
    const before = await table();
    const headers = { "idempotency-key": "k" };
    loseNextWrite(fault, false);
    expect((await create({}, { headers })).status).toBe(503);
    await edge.settled();
    expect(await table()).toEqual(before);
    const again = await create({}, { headers });
    expect([again.status, typeof again.body.key]).toEqual([201, "string"]);
  });

  it.each(["before", "after"] as const)("a 503 to a rotation leaves the old key as it was (%s)", async (fault) => {
    const { body } = await create({ expiresAt: isoIn(30 * day) });
    const before = await table();
    loseNextWrite(fault, false);
    expect((await rotate(body.id)).status).toBe(503);
    await edge.settled();
    expect(await table()).toEqual(before);
    expect((await rotate(body.id)).status).toBe(201);
  });

  it.each([
    ["before", 503, 503, "Checkout"],
    ["after", 200, 204, "b"],
  ] as const)("a change is answered as it is (%s)", async (fault, status, revoked, name) => {
    const { body } = await create();
    loseNextWrite(fault);
    const answer = await edge.api<ApiKey>(`PATCH /v1/keys/${body.id}`, { name: "b" });
    const { body: found } = await edge.api<ApiKey>(`GET /v1/keys/${body.id}`);
    expect([answer.status, found.name]).toEqual([status, name]);
    loseNextWrite(fault);
    expect((await edge.api(`DELETE /v1/keys/${body.id}`)).status).toBe(revoked);
  });
});
