import { scopes, type Scope } from "@sandi/contracts";
import { describe, expect, it } from "vitest";
import { auditRows } from "./audit-rows.ts";
import type { Edge } from "./harness.ts";
import { day, keysOf } from "./keys-of.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
const { create, rotate, use, isoIn, idOf } = keysOf(() => edge);
const admin: Scope[] = ["key:manage", "session:manage"];

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
    expect(await auditRows(edge)).toEqual([]);
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
      ["POST /v1/keys", { name: "Checkout", scopes: ["key:manage"] }],
      [`PATCH /v1/keys/${await idOf(other)}`, { scopes: ["key:manage"] }],
      [`POST /v1/keys/${await idOf(other)}/rotate`, {}],
    ] as const) {
      expect((await edge.api(request, body, { key })).body.code).toBe("unauthenticated");
    }
    expect(await auditRows(edge)).toEqual([]);
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
