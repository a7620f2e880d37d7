import type { ApiKey, ApiKeyList } from "@sandi/contracts";
import { hashApiKey } from "@sandi/crypto";
import { describe, expect, it } from "vitest";
import { createKey } from "../src/keys/create-key.ts";
import { rotateKey } from "../src/keys/rotate-key.ts";
import { auditRows } from "./audit-rows.ts";
import type { Edge } from "./harness.ts";
import { keysOf } from "./keys-of.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
const { create, use, isoIn, idOf } = keysOf(() => edge);

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
      await auditRows(edge),
      await edge.rows("SELECT * FROM idempotency"),
    ]);
    expect(stored).not.toContain(key);
    expect(list.text).not.toContain(await hashApiKey(key ?? ""));
    expect(await auditRows(edge)).toEqual([
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
    expect(await auditRows(edge)).toEqual([]);
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
