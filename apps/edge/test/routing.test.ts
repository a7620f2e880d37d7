import type { Pool } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";
import { connectorOf, recipient, text, verify } from "./senders.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let connector: ReturnType<typeof connectorOf>;
beforeEach(() => {
  connector = connectorOf(edge);
});

const stranger = (i: number) => `+62812345670${String(i).padStart(2, "0")}`;
const strategy = async (name: string, more: object = {}) => {
  const { body } = await edge.api<{ pools: Pool[] }>("GET /v1/pools");
  await edge.api(`PATCH /v1/pools/${body.pools[0]!.id}`, { strategy: name, ...more });
};
const senders = async (count: number, send: (i: number) => ReturnType<typeof text>) => {
  const chosen: (string | null)[] = [];
  for (let i = 0; i < count; i++) chosen.push((await send(i)).body.sessionId);
  return chosen;
};

describe("who sends", () => {
  it("is the session that was asked for, and no other", async () => {
    const [first, second] = [await edge.addSession(), await edge.addSession("waiting")];
    expect((await text(edge, { sessionId: second })).body.sessionId).toBe(second);
    expect((await verify(edge, { route: { sessionId: first } })).body.delivery?.sessionId).toBe(first);
    await connector.state(second, "ended");
    expect((await text(edge, { sessionId: second })).body.code).toBe("session-ended");
  });

  it("is of the pool that was asked for, and else of the default one, and of no other", async () => {
    const { body: pool } = await edge.api<Pool>("POST /v1/pools", { name: "Other" });
    const other = await edge.addSession("online", undefined, pool.id);
    const answer = await text(edge);
    expect([answer.status, answer.body.code]).toEqual([409, "no-eligible-session"]);
    expect((await verify(edge)).body.code).toBe("no-eligible-session");
    expect((await text(edge, { poolId: pool.id })).body.sessionId).toBe(other);
    expect((await verify(edge, { route: { poolId: pool.id } })).body.delivery?.sessionId).toBe(other);
    const unknown = `pool_${"0".repeat(26)}`;
    expect((await text(edge, { poolId: unknown })).body.code).toBe("pool-not-found");
    expect((await verify(edge, { route: { poolId: unknown } })).body.code).toBe("pool-not-found");
  });

  it("does not exist while every session is stopped, and the answer says so", async () => {
    expect((await text(edge)).body.detail).toMatch(/Create a session/);
    await edge.api(`POST /v1/sessions/${await edge.addSession()}/stop`);
    const { body } = await text(edge);
    expect([body.code, body.detail]).toEqual(["no-eligible-session", "No session is running; start one."]);
  });

  it("is one that is online and not paused, as long as there is one", async () => {
    const [paused, waiting, online] = [
      await edge.addSession(),
      await edge.addSession("waiting"),
      await edge.addSession(),
    ];
    await connector.limits(paused, { pausedUntil: new Date(edge.services.now().getTime() + 60_000).toISOString() });
    expect(await senders(3, (i) => text(edge, { to: stranger(i) }))).toEqual([online, online, online]);
    await connector.state(online, "waiting");
    expect((await text(edge)).body.sessionId).toBe(paused);
    expect(waiting).not.toBe(paused);
  });

  it("is with `sticky` who last reached the recipient or was written to by them", async () => {
    const [first, second] = [await edge.addSession(), await edge.addSession()];
    const { body } = await text(edge, { sessionId: second });
    await connector.claim(body.id, second);
    await connector.sent(body.id, second);
    expect(await senders(2, () => text(edge))).toEqual([second, second]);
    edge.advance(1000);
    await connector.wrote(first);
    expect((await text(edge)).body.sessionId).toBe(first);
    await connector.state(first, "waiting");
    expect((await text(edge)).body.sessionId).toBe(second);
  });

  it("is with `round_robin` each in turn, and in one batch as well", async () => {
    await strategy("round_robin");
    const ids = [await edge.addSession(), await edge.addSession(), await edge.addSession()];
    const chosen = await senders(6, (i) => text(edge, { to: stranger(i) }));
    expect(new Set(chosen.slice(0, 3))).toEqual(new Set(ids));
    expect(chosen.slice(3)).toEqual(chosen.slice(0, 3));
    const verifications = Array.from({ length: 6 }, (_, i) => ({ to: stranger(i) }));
    await edge.api("POST /v1/verifications/batch", { verifications });
    const counts = await edge.rows("SELECT count(*) AS n FROM message GROUP BY session_id");
    expect(counts.map(({ n }) => n)).toEqual([4, 4, 4]);
  });

  it("is with `least_loaded` the session with the shortest queue", async () => {
    await strategy("least_loaded");
    const [first, second] = [await edge.addSession(), await edge.addSession()];
    const { body: a } = await text(edge, { sessionId: first });
    const { body: b } = await text(edge, { sessionId: first });
    expect(await senders(2, (i) => text(edge, { to: stranger(i) }))).toEqual([second, second]);
    for (const { id } of [a, b]) {
      await connector.claim(id, first);
      await connector.sent(id, first);
    }
    expect((await text(edge)).body.sessionId).toBe(first);
    const waiting = await edge.rows("SELECT waiting, sends FROM session ORDER BY id = ? DESC", first);
    expect(waiting).toEqual([
      { waiting: 1, sends: 2 },
      { waiting: 2, sends: 0 },
    ]);
  });
});

describe("a stranger, while accounts may not open chats", () => {
  it("is written to by another sender; who has a chat with the locked one is written to as before", async () => {
    const [locked, free] = [await edge.addSession(), await edge.addSession()];
    await connector.wrote(locked);
    await connector.lock(locked);
    expect((await verify(edge)).body.delivery?.sessionId).toBe(locked);
    expect((await verify(edge, { to: stranger(1) })).body.delivery?.sessionId).toBe(free);
    await connector.limits(free, { newChats: { total: 10, used: 10, resetsAt: null } });
    expect((await text(edge, { to: stranger(2) })).body.code).toBe("no-eligible-session");
    expect((await text(edge)).body.sessionId).toBe(locked);
  });

  it("is one no more once a message has reached them, nor counts as one again", async () => {
    const only = await edge.addSession();
    await strategy("sticky", { newChatsPerDay: 2 });
    const { body } = await text(edge);
    await connector.sent(body.id, only);
    for (let i = 0; i < 3; i++) expect((await text(edge)).status).toBe(202);
    expect((await text(edge, { to: stranger(1) })).status).toBe(202);
    expect((await text(edge, { to: stranger(2) })).body.code).toBe("no-eligible-session");
    await connector.lock(only);
    expect((await text(edge)).body.sessionId).toBe(only);
    expect((await text(edge, { to: stranger(3) })).body.code).toBe("no-eligible-session");
  });

  it("is written to again when the lock is over, and when the cap's cycle is", async () => {
    const only = await edge.addSession();
    await connector.lock(only);
    expect((await text(edge, { to: stranger(1) })).body.code).toBe("no-eligible-session");
    edge.advance(3_600_000);
    expect((await text(edge, { to: stranger(1) })).status).toBe(202);
    const resetsAt = new Date(edge.services.now().getTime() + 60_000).toISOString();
    await connector.limits(only, { newChats: { total: 10, used: 10, resetsAt } });
    expect((await text(edge, { to: stranger(2) })).body.code).toBe("no-eligible-session");
    edge.advance(60_000);
    expect((await text(edge, { to: stranger(2) })).status).toBe(202);
  });

  it("gets no message once a fifth of the cap is left, or the pool's limit for the day is reached", async () => {
    const capped = await edge.addSession();
    await connector.limits(capped, { newChats: { total: 10, used: 7, resetsAt: null } });
    expect((await text(edge, { to: stranger(1) })).status).toBe(202);
    await connector.limits(capped, { newChats: { total: 10, used: 8, resetsAt: null } });
    expect((await text(edge, { to: stranger(2) })).body.code).toBe("no-eligible-session");
    await connector.limits(capped, { newChats: null });
    await strategy("sticky", { newChatsPerDay: 2 });
    expect((await text(edge, { to: stranger(3) })).status).toBe(202);
    const refused = (await text(edge, { to: stranger(4) })).body;
    expect([refused.code, refused.detail]).toEqual(["no-eligible-session", expect.stringContaining("newChatsPerDay")]);
    await connector.wrote(capped);
    expect((await text(edge)).status).toBe(202);
    edge.advance(86_400_000);
    expect((await text(edge, { to: stranger(4) })).status).toBe(202);
  });

  it("is written to by a new session ten times on its first day, and more often on later ones", async () => {
    await edge.addSession();
    await strategy("sticky", { newChatsPerDay: "warm_up" });
    const taken = async (day: number) => {
      const answers: number[] = [];
      for (let i = 0; i < 85; i++) {
        const { status } = await text(edge, { to: `+628123${day}5${String(i).padStart(5, "0")}` });
        answers.push(status);
      }
      return answers.filter((status) => status === 202).length;
    };
    const days: number[] = [];
    for (let day = 0; day < 5; day++) {
      days.push(await taken(day));
      edge.advance(86_400_000);
    }
    expect(days).toEqual([10, 20, 40, 80, 80]);
  });

  it("is asked to write to us when no session may write, if the pool and the policy allow it", async () => {
    const locked = await edge.addSession();
    await connector.lock(locked);
    const { status, body } = await verify(edge);
    expect([status, body.mode, body.delivery, body.inbound?.variant]).toEqual([202, "inbound", null, "match"]);
    const again = await verify(edge);
    expect([again.body.id, again.body.mode]).toEqual([body.id, "inbound"]);
    await strategy("sticky", { fallback: "fail" });
    const refused = await verify(edge, { to: stranger(1) });
    expect([refused.status, refused.body.code]).toEqual([409, "no-eligible-session"]);
    expect(refused.body.detail).toMatch(/does not allow any account of the pool to open new chats/);
    await strategy("sticky", { fallback: "inbound" });
    const { key } = edge.workspace;
    await edge.rows(`UPDATE workspace SET policy = '{"countries":["*"],"modes":["push"]}'`);
    edge.services.keyCache.clear();
    expect((await edge.api("POST /v1/verifications", { to: stranger(2) }, { key })).body.code).toBe(
      "no-eligible-session",
    );
    edge.advance(3_600_001);
    expect((await verify(edge, { to: stranger(3) })).body.mode).toBe("push");
  });

  it("is not asked to write to us for a code that somebody else checks", async () => {
    await connector.lock(await edge.addSession());
    expect((await verify(edge, { code: "482913" })).body.code).toBe("no-eligible-session");
  });

  it("gets `auto` as before: to be reached is not to have written", async () => {
    const id = await edge.addSession();
    const { body } = await text(edge);
    await connector.claim(body.id, id);
    await connector.sent(body.id, id);
    expect((await verify(edge, { mode: "auto" })).body.mode).toBe("inbound");
    await connector.wrote(id, recipient);
    expect((await verify(edge, { mode: "auto", purpose: "other" })).body.mode).toBe("push");
  });
});

it("keeps its lane when another session gets it", async () => {
  const first = await edge.addSession();
  const { body } = await text(edge, { lane: "bulk" });
  const single = await text(edge);
  const next = await edge.addSession();
  await edge.settled();
  const before = edge.jobs.length;
  await connector.state(first, "waiting");
  await edge.settled();
  const moved = edge.jobs.slice(before).map((job) => job.body as { messageId: string; lane: string });
  const lanes = Object.fromEntries(moved.map(({ messageId, lane }) => [messageId, lane]));
  expect(lanes).toEqual({ [body.id]: "bulk", [single.body.id]: "normal" });
  expect(moved).toMatchObject([{ sessionId: next }, { sessionId: next }]);
});

it("has the lane, and a text's pacing, in its job", async () => {
  await edge.addSession();
  await strategy("sticky", { pacing: "careful" });
  await text(edge);
  await verify(edge);
  await edge.settled();
  expect(edge.jobs.map(({ body }) => body)).toMatchObject([{ lane: "normal", pacing: "careful" }, { lane: "otp" }]);
  expect(edge.jobs[1]?.body).not.toHaveProperty("pacing");
});
