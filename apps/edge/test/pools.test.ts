import type { Pool, Session } from "@sandi/contracts";
import { describe, expect, it } from "vitest";
import { DatabaseFetchError } from "../src/db/failures.ts";
import { createPool } from "../src/pools/create-pool.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));

const create = (body: object = { name: "Indonesia" }) => edge.api<Pool>("POST /v1/pools", body);
const score = async (id: string) => (await edge.api<Session>(`GET /v1/sessions/${id}`)).body.score;
const set = (id: string, sql: string) => edge.rows(`UPDATE session SET ${sql} WHERE id = ?`, id);
const pointerOf = async (request: string, body: object) => (await edge.api(request, body)).body.errors?.[0]?.pointer;
const defaultPool = async () =>
  (await edge.api<{ pools: Pool[] }>("GET /v1/pools")).body.pools.find(({ isDefault }) => isDefault)!;

describe("sender pools", () => {
  it("are there from the start: every workspace has a default one, which cannot be deleted", async () => {
    const pool = await defaultPool();
    expect(pool).toMatchObject({ isDefault: true, strategy: "sticky", pacing: "normal", fallback: "inbound" });
    const { status, body } = await edge.api(`DELETE /v1/pools/${pool.id}`);
    expect([status, body.code]).toEqual([409, "pool-not-empty"]);
  });

  it("are created, changed and deleted, each in the audit log", async () => {
    const { status, body, headers } = await create({ name: "Indonesia", strategy: "round_robin" });
    expect([status, headers.get("location")]).toEqual([201, `/v1/pools/${body.id}`]);
    expect(body).toMatchObject({ name: "Indonesia", isDefault: false, strategy: "round_robin", pacing: "normal" });
    const changed = await edge.api<Pool>(`PATCH /v1/pools/${body.id}`, { pacing: "careful", fallback: "fail" });
    expect(changed.body).toMatchObject({ name: "Indonesia", pacing: "careful", fallback: "fail" });
    expect((await edge.api(`GET /v1/pools/${body.id}`)).body).toEqual(changed.body);
    expect((await edge.api(`DELETE /v1/pools/${body.id}`)).status).toBe(204);
    expect((await edge.api(`GET /v1/pools/${body.id}`)).body.code).toBe("pool-not-found");
    expect((await edge.rows("SELECT action FROM audit ORDER BY rowid")).map(({ action }) => action)).toEqual([
      "pool.created",
      "pool.updated",
      "pool.deleted",
    ]);
  });

  it("have names of their own and a limit", async () => {
    const { body } = await create();
    const again = await create();
    const fields = [{ pointer: "/name", message: "is another sender pool's name" }];
    expect([again.status, again.body.code, again.body.errors]).toEqual([409, "pool-exists", fields]);
    const renamed = await edge.api(`PATCH /v1/pools/${body.id}`, { name: "Default" });
    expect([renamed.status, renamed.body.code, renamed.body.errors]).toEqual([409, "pool-exists", fields]);
    const choices = { strategy: "sticky", pacing: "off", fallback: "fail", newChatsPerDay: null } as const;
    const input = { name: "Third", ...choices };
    const ctx = await edge.contextOf();
    await expect(createPool(ctx, { input, idempotencyKey: undefined }, 2)).rejects.toMatchObject({
      code: "pool-limit-reached",
    });
  });

  it("keep the sessions that they were given, and are not deleted while they have some", async () => {
    const { body: pool } = await create();
    const { body: first } = await edge.api<Session>("POST /v1/sessions", { name: "First" });
    expect(first).toMatchObject({ poolId: (await defaultPool()).id, score: 0 });
    const { body: second } = await edge.api<Session>("POST /v1/sessions", { name: "Second", poolId: pool.id });
    expect(second.poolId).toBe(pool.id);
    expect((await edge.api(`DELETE /v1/pools/${pool.id}`)).body.code).toBe("pool-not-empty");
    await edge.api(`DELETE /v1/sessions/${second.id}`);
    expect((await edge.api(`DELETE /v1/pools/${pool.id}`)).status).toBe(204);
  });

  it("take sessions over from each other", async () => {
    const { body: pool } = await create();
    const { body: session } = await edge.api<Session>("POST /v1/sessions", { name: "First" });
    const moved = await edge.api<Session>(`PATCH /v1/sessions/${session.id}`, { poolId: pool.id });
    expect(moved.body).toMatchObject({ name: "First", poolId: pool.id });
    const lost = await edge.api(`PATCH /v1/sessions/${session.id}`, {
      name: "Second",
      poolId: `pool_${"0".repeat(26)}`,
    });
    expect([lost.status, lost.body.code, lost.body.errors?.[0]?.pointer]).toEqual([404, "pool-not-found", "/poolId"]);
    expect((await edge.api<Session>(`GET /v1/sessions/${session.id}`)).body).toEqual(moved.body);
  });

  it("are another workspace's own", async () => {
    const { body: pool } = await create();
    const { key } = await edge.addWorkspace("Other");
    for (const request of [`GET /v1/pools/${pool.id}`, `DELETE /v1/pools/${pool.id}`]) {
      expect((await edge.api(request, undefined, { key })).body.code).toBe("pool-not-found");
    }
    const body = { name: "Mine", poolId: pool.id };
    expect((await edge.api("POST /v1/sessions", body, { key })).body.code).toBe("pool-not-found");
    const change = await edge.api(`PATCH /v1/pools/${pool.id}`, { name: "Mine" }, { key });
    expect(change.body.code).toBe("pool-not-found");
  });
});

it("a request that names no pool or session of the workspace is refused with the field", async () => {
  const poolId = `pool_${"0".repeat(26)}`;
  const sessionId = `ses_${"0".repeat(26)}`;
  const to = "+6281234567890";
  expect(await pointerOf("POST /v1/sessions", { name: "First", poolId })).toBe("/poolId");
  expect(await pointerOf("POST /v1/messages", { to, type: "text", text: "Hi", poolId })).toBe("/poolId");
  expect(await pointerOf("POST /v1/messages", { to, type: "text", text: "Hi", sessionId })).toBe("/sessionId");
  expect(await pointerOf("POST /v1/verifications", { to, route: { poolId } })).toBe("/route/poolId");
  expect(await pointerOf("POST /v1/verifications", { to, route: { sessionId } })).toBe("/route/sessionId");
});

it("a session's new name or pool is answered with success when only the database's answer was lost", async () => {
  const { body: pool } = await create();
  const id = await edge.addSession();
  const { db } = edge.services;
  const lose = (isStored: boolean) => {
    edge.services.db = {
      ...db,
      write: async (queries) => {
        edge.services.db = db;
        if (isStored) await db.write(queries);
        throw new DatabaseFetchError("lost");
      },
    };
  };
  lose(true);
  const moved = await edge.api<Session>(`PATCH /v1/sessions/${id}`, { name: "Second", poolId: pool.id });
  expect([moved.status, moved.body.name, moved.body.poolId]).toEqual([200, "Second", pool.id]);
  lose(false);
  expect((await edge.api(`PATCH /v1/sessions/${id}`, { name: "Third", poolId: pool.id })).status).toBe(503);
});

describe("a session's score", () => {
  it("falls with what keeps it from sending", async () => {
    const at = edge.services.now().getTime();
    const scores: number[] = [];
    for (const sql of [
      "waiting = 0",
      "new_chats_total = 10, new_chats_used = 5",
      `new_chats_locked_until = ${at + 1}`,
      `counted_from = ${at}, sends = 1, failures = 8`,
      `paused_until = ${at + 1}`,
      "state = 'waiting'",
      "state = 'ended'",
    ]) {
      const id = await edge.addSession();
      await set(id, sql);
      scores.push(await score(id));
    }
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect([scores[0], scores.at(-1), new Set(scores).size]).toEqual([100, 0, scores.length]);
  });

  it("is what each state is worth, less what each fact takes away", async () => {
    const at = edge.services.now().getTime();
    const slot = Math.floor(at / 1_800_000) * 1_800_000;
    const worth: Record<string, number> = {
      "state = 'online'": 100,
      "state = 'connecting'": 60,
      "state = 'waiting'": 40,
      "state = 'pairing'": 20,
      "desired = 'stopped'": 0,
      "phone = NULL": 0,
      [`paused_until = ${at + 1}`]: 50,
      [`paused_until = ${at}`]: 100,
      [`new_chats_locked_until = ${at + 1}`]: 75,
      "new_chats_total = 10, new_chats_used = 5": 90,
      "new_chats_total = 10, new_chats_used = 10": 80,
      [`new_chats_total = 10, new_chats_used = 10, new_chats_reset_at = ${at}`]: 100,
      [`counted_from = ${slot}, failures = 8, sends = 1`]: 60,
      [`counted_from = ${slot}, earlier_failures = 8, earlier_sends = 1`]: 60,
      [`counted_from = ${slot - 1_800_000}, failures = 8, sends = 1`]: 60,
      [`counted_from = ${slot}, failures = 8, sends = 109`]: 96,
      "attempts = 3": 97,
      "attempts = 60": 95,
      "waiting = 40": 96,
      "waiting = 4000": 85,
    };
    const scores: Record<string, number> = {};
    for (const fact of Object.keys(worth)) {
      const id = await edge.addSession();
      await set(id, fact);
      scores[fact] = await score(id);
    }
    expect(scores).toEqual(worth);
  });

  it("does not count failures after about an hour, and limits after their end", async () => {
    const id = await edge.addSession();
    const until = edge.services.now().getTime() + 1_800_000;
    await set(id, `counted_from = ${until - 1_800_000}, failures = 9, new_chats_locked_until = ${until}`);
    const before = await score(id);
    edge.advance(3_600_000);
    expect([before < 60, await score(id)]).toEqual([true, 100]);
  });
});
