import type { ApiKey, Scope } from "@sandi/contracts";
import { describe, expect, it } from "vitest";
import { DatabaseFetchError } from "../src/db/failures.ts";
import { auditRows } from "./audit-rows.ts";
import type { Edge } from "./harness.ts";
import { day, keysOf } from "./keys-of.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
const { create, rotate, use, isoIn, idOf } = keysOf(() => edge);
const admin: Scope[] = ["key:manage", "session:manage"];
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
    expect(JSON.parse(String((await auditRows(edge))[1]?.["detail"]))).toEqual({
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
    expect((await auditRows(edge)).map(({ action }) => action)).toEqual(["key.created", "key.revoked"]);
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
    expect((await auditRows(edge)).at(-1)).toMatchObject({
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
