import type { CreatedApiKey } from "@sandi/contracts";
import { scopes } from "@sandi/contracts";
import { hashApiKey } from "@sandi/crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { everyRoute, everything, liveResources, requestOf } from "./every-route.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";
import { as, day, fromOffice, keysOf, office, sends } from "./keys-of.ts";

let edge: Edge;
useEdge((started) => (edge = started));

beforeEach(async () => {
  await edge.addSession();
});

const { addKey, revoke, rotate, isoIn, idOf } = keysOf(() => edge);

describe("what a key makes, changes or reveals", () => {
  const cases: [what: string, caller: Record<string, unknown>][] = [
    ["a list of addresses", { ipAllowList: [office] }],
    ["an end", { expiresAt: "2026-11-22T08:00:00.000Z" }],
    ["fewer scopes", { scopes: ["key:manage"] }],
  ];

  it.each(cases)("is compared whole with the caller: %s", async (_, caller) => {
    const a = await addKey(caller);
    const wider = await addKey();
    const options = as(a, fromOffice);
    const before = await everything(edge);
    const answers = [
      await edge.api(`PATCH /v1/keys/${wider.id}`, { name: "mine" }, options),
      await edge.api(`PATCH /v1/keys/${wider.id}`, { scopes: ["key:manage"] }, options),
      await edge.api(`POST /v1/keys/${wider.id}/rotate`, {}, options),
      await revoke(wider.id, options),
    ];
    expect(answers.map(({ status, body }) => [status, body.code, body["key"]])).toEqual(
      answers.map(() => [403, "insufficient-scope", undefined]),
    );
    expect(await everything(edge)).toEqual(before);
  });

  it("does not reach a key without the caller's list and end by way of its scopes alone", async () => {
    const a = await addKey({ ipAllowList: [office], expiresAt: isoIn(day) });
    const b = await addKey({ scopes: ["otp:check"] });
    const changed = await edge.api(`PATCH /v1/keys/${b.id}`, { scopes: sends }, as(a, fromOffice));
    expect([changed.status, changed.body.code]).toEqual([403, "insufficient-scope"]);
    const within = await addKey({ scopes: ["otp:check"], ipAllowList: ["203.0.113.8"], expiresAt: isoIn(day) });
    const path = `PATCH /v1/keys/${within.id}`;
    expect((await edge.api(path, { scopes: sends }, as(a, fromOffice))).status).toBe(200);
    for (const change of [{ ipAllowList: [] }, { expiresAt: null }, { expiresAt: isoIn(day + 1) }]) {
      expect((await edge.api(path, change, as(a, fromOffice))).status).toBe(403);
    }
  });
});

/** What a key may have asked for in the minute in which an isolate still knows it. */
describe("a key that was revoked or narrowed elsewhere a moment ago", () => {
  /** Sends, checks and looks go by what was known of the key within the last minute. */
  const hot = new Set([
    "POST /v1/verifications",
    "POST /v1/verifications/batch",
    "POST /v1/verifications/check",
    "POST /v1/verifications/{id}/check",
    "POST /v1/messages",
    "POST /v1/messages/{id}/forward",
    "POST /v1/messages/search",
    "POST /v1/sessions/{id}/messages/search",
    "POST /v1/reachability",
    "POST /v1/templates/preview",
    "POST /v1/destinations/status",
    "POST /v1/verifications/search",
    // The operator's token makes it.
    "POST /v1/workspaces",
  ]);
  const changes = async () =>
    (await everyRoute(edge)).filter(({ route }) => /^(?!GET)|\/qr$/.test(route) && !hot.has(route));
  const bodies: Record<string, unknown> = {
    "PATCH /v1/alert-channels/{id}": { name: "other" },
    "PATCH /v1/workspace": { name: "Other" },
    "POST /v1/media": { any: "file" },
  };
  const elsewhere = {
    revoked: "UPDATE api_key SET revoked_at = 1 WHERE id = ?",
    expired: "UPDATE api_key SET expires_at = 1 WHERE id = ?",
    "bound to addresses": `UPDATE api_key SET ip_allow_list = '["198.51.100.1"]' WHERE id = ?`,
    "without scopes": `UPDATE api_key SET scopes = '["analytics:read"]' WHERE id = ?`,
  };

  it.each(Object.entries(elsewhere))("can change nothing, by any route (%s)", { timeout: 60_000 }, async (_, sql) => {
    const { ids } = await liveResources(edge);
    await edge.client.execute("UPDATE verification SET next_send_at = 0");
    const key = await edge.addKey(edge.workspace.id);
    const { actor } = await edge.contextOf(key);
    const hash = await hashApiKey(key);
    await edge.client.execute({ sql, args: [actor.by.id] });
    const before = await everything(edge);
    const all = await changes();
    expect(all.length).toBeGreaterThan(35);
    for (const { route, body } of all) {
      edge.services.keyCache.set(hash, { actor, lastUsedAt: null, until: Number.MAX_SAFE_INTEGER });
      const answer = await edge.api(requestOf(route, ids), bodies[route] ?? body, { key });
      await edge.settled();
      expect([route, answer.status, answer.body.code]).toEqual([route, 401, "unauthenticated"]);
      expect(edge.services.keyCache.has(hash)).toBe(false);
    }
    expect(await everything(edge)).toEqual(before);
  });

  it("can use what it still has after it was looked up again", async () => {
    const key = await edge.addKey(edge.workspace.id);
    await edge.api("GET /v1/sessions", undefined, { key });
    await edge.client.execute({
      sql: `UPDATE api_key SET scopes = '["session:manage"]' WHERE id = ?`,
      args: [await idOf(key)],
    });
    expect((await edge.api("POST /v1/pools", { name: "a" }, { key })).status).toBe(401);
    expect((await edge.api("POST /v1/pools", { name: "a" }, { key })).status).toBe(201);
  });

  it("is not refused for a day because its request has an Idempotency-Key", async () => {
    const key = await edge.addKey(edge.workspace.id);
    await edge.api("GET /v1/sessions", undefined, { key });
    await edge.client.execute({
      sql: `UPDATE api_key SET scopes = '["key:manage", "lookup:read"]' WHERE id = ?`,
      args: [await idOf(key)],
    });
    const once = { key, headers: { "idempotency-key": "rename" } };
    const answers = [];
    for (let i = 0; i < 3; i++) {
      const { status, headers } = await edge.api("PATCH /v1/workspace", { name: "Other" }, once);
      await edge.settled();
      answers.push([status, headers.get("idempotent-replayed")]);
    }
    expect(answers).toEqual([
      [401, null],
      [200, null],
      [200, "true"],
    ]);
  });

  it("keeps no refusal for a key that may do more", async () => {
    const hook = (await edge.api<{ id: string }>("POST /v1/hooks/supabase", { name: "a" })).body;
    const narrow = await edge.addKey(edge.workspace.id, ["key:manage", "lookup:read"]);
    const headers = { "idempotency-key": "rename" };
    const rename = async (key?: string) => {
      const answer = await edge.api(
        `PATCH /v1/hooks/supabase/${hook.id}`,
        { name: "b" },
        { headers, ...(key && { key }) },
      );
      await edge.settled();
      return answer.status;
    };
    expect([await rename(narrow), await rename()]).toEqual([403, 200]);
  });

  it("is not refused when it was only widened", async () => {
    const key = await edge.addKey(edge.workspace.id, ["session:manage"]);
    await edge.api("GET /v1/sessions", undefined, { key });
    await edge.client.execute({
      sql: `UPDATE api_key SET scopes = ?1 WHERE id = ?2`,
      args: [JSON.stringify(scopes), await idOf(key)],
    });
    expect((await edge.api("POST /v1/pools", { name: "a" }, { key })).status).toBe(201);
  });

  it("may still manage in the grace of its rotation, as long as it does not reach its replacement", async () => {
    const key = await edge.addKey(edge.workspace.id);
    const id = await idOf(key);
    const { body: next } = await rotate(id);
    expect((await edge.api("POST /v1/pools", { name: "a" }, { key })).status).toBe(201);
    expect((await edge.api(`DELETE /v1/keys/${next.id}`, undefined, { key })).body.code).toBe("insufficient-scope");
  });
});

const only = async () => idOf(edge.workspace.key);

describe("the last live key with key:manage", () => {
  it.each([
    ["is not revoked", "DELETE", undefined],
    ["keeps its scope", "PATCH", { scopes: ["otp:send"] }],
    ["cannot be given an end", "PATCH", { expiresAt: "2026-12-21T08:00:00.000Z" }],
    ["cannot lock out the address that it is used from", "PATCH", { ipAllowList: ["198.51.100.1"] }],
  ])("%s", async (_, method, body) => {
    await addKey({ environment: "test" });
    await addKey({ scopes: ["otp:send"] });
    await addKey({ expiresAt: isoIn(day) });
    await revoke((await addKey()).id);
    await revoke((await addKey({ expiresAt: isoIn(day) })).id);
    const expiring = await edge.rows("SELECT id FROM api_key WHERE expires_at IS NOT NULL AND revoked_at IS NULL");
    for (const { id } of expiring) await revoke(String(id));
    const before = await everything(edge);
    const answer = await edge.api(`${method} /v1/keys/${await only()}`, body, as(edge.workspace, fromOffice));
    expect([answer.status, answer.body.code]).toEqual([409, "last-manager-key"]);
    expect(await everything(edge)).toEqual(before);
    const other = await addKey();
    const again = await edge.api(`${method} /v1/keys/${await only()}`, body, as(edge.workspace, fromOffice));
    expect(again.status).toBeLessThan(300);
    expect((await edge.api("GET /v1/keys", undefined, as(other))).status).toBe(200);
  });

  it("does not become one that ends, even where others that end are left", async () => {
    await addKey({ expiresAt: isoIn(day) });
    expect((await revoke(await only())).body.code).toBe("last-manager-key");
  });

  it("is changed otherwise and rotated as any other", async () => {
    const path = `PATCH /v1/keys/${await only()}`;
    const change = { name: "Root", scopes: ["key:manage", "otp:send"], ipAllowList: [office] };
    expect((await edge.api(path, change, as(edge.workspace, fromOffice))).status).toBe(200);
    const rotated = await edge.api<CreatedApiKey>(
      `POST /v1/keys/${await only()}/rotate`,
      { graceSeconds: 0 },
      as(edge.workspace, fromOffice),
    );
    expect(rotated.status).toBe(201);
    expect((await revoke(rotated.body.id, { key: rotated.body.key, headers: fromOffice })).body.code).toBe(
      "last-manager-key",
    );
  });

  it("stays when two revoke each other at the same time", async () => {
    for (let round = 0; round < 5; round++) {
      const [a, b] = [await edge.addKey(edge.workspace.id), await edge.addKey(edge.workspace.id)];
      const root = await only();
      await edge.client.execute({ sql: "UPDATE api_key SET revoked_at = 1 WHERE id = ?", args: [root] });
      const answers = await Promise.all([
        edge.api(`DELETE /v1/keys/${await idOf(a)}`, undefined, { key: b }),
        edge.api(`DELETE /v1/keys/${await idOf(b)}`, undefined, { key: a }),
      ]);
      expect(answers.map(({ status }) => status).filter((status) => status === 204)).toEqual([204]);
      const [left] = await edge.rows("SELECT count(*) AS n FROM api_key WHERE revoked_at IS NULL");
      expect(left).toEqual({ n: 1 });
      await edge.client.execute("UPDATE api_key SET revoked_at = 1");
      await edge.client.execute({ sql: "UPDATE api_key SET revoked_at = NULL WHERE id = ?", args: [root] });
    }
  });
});
