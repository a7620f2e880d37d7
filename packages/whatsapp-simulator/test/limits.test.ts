import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Simulator } from "../src/index.ts";
import type { Client } from "./support/client.ts";
import { client, linked, newWorld, sender, sendText, until, user, userJid } from "./support/world.ts";

const minute = 60_000;
let numbers = 100;
/** A recipient without messages. */
function stranger(simulator: Simulator): string {
  const number = `628110000${String(++numbers).padStart(4, "0")}`;
  simulator.createPhone({ number: `+${number}` });
  return `${number}@s.whatsapp.net`;
}

async function errorOf(session: Client, jid: string): Promise<string | undefined> {
  return (await session.ack(await sendText(session, jid, "hello")))["error"];
}

/** A clock that a test sets; timers that are due run when it moves. */
function clock() {
  let time = Date.parse("2026-08-01T00:00:00Z");
  const timers = new Set<{ at: number; run: () => void }>();
  return {
    now: () => time,
    schedule: (run: () => void, afterMs: number) => {
      // The wire itself uses real time.
      if (afterMs < 30_000) {
        const real = setTimeout(run, afterMs);
        return () => clearTimeout(real);
      }
      const timer = { at: time + afterMs, run };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    pass: (ms: number) => {
      time += ms;
      for (const timer of timers) {
        if (timer.at > time) continue;
        timers.delete(timer);
        timer.run();
      }
    },
  };
}

test("a locked account reaches those it knows, and is refused with 463 by strangers", async () => {
  const { now, schedule, pass } = clock();
  const simulator = await newWorld({ now, schedule });
  const session = await linked(simulator);
  await session.ack(await sendText(session, userJid, "before the lock"));
  const writer = stranger(simulator);
  const until1 = new Date(now() + minute).toISOString();
  expect(simulator.updatePhone(sender, { limits: { lockedUntil: until1 } }).limits.lockedUntil).toBe(until1);
  await simulator.send(`+${writer.split("@")[0]}`, { to: sender, text: "they wrote first" });

  expect(await errorOf(session, stranger(simulator))).toBe("463");
  expect(await errorOf(session, userJid)).toBeUndefined();
  expect(await errorOf(session, writer)).toBeUndefined();
  expect(simulator.stats()).toMatchObject({ lockHits: 1, sendErrors: 1 });
  const lock = await session.sock.fetchAccountReachoutTimelock();
  expect(lock).toMatchObject({ isActive: true, timeEnforcementEnds: new Date(until1) });

  pass(minute);
  expect(await errorOf(session, stranger(simulator))).toBeUndefined();
  expect((await session.sock.fetchAccountReachoutTimelock()).isActive).toBe(false);
  expect(simulator.stats().limitQueries).toEqual({ lock: 2, cap: 0 });
});

test("companions are notified of a lock, of its end, and of a cap that is near", async () => {
  const { now, schedule, pass } = clock();
  const simulator = await newWorld({ now, schedule });
  const session = await linked(simulator);
  const locks: (boolean | undefined)[] = [];
  const caps: unknown[] = [];
  session.sock.ev.on("connection.update", ({ reachoutTimeLock }) => {
    if (reachoutTimeLock) locks.push(reachoutTimeLock.isActive);
  });
  session.sock.ev.on("message-capping.update", ({ used_quota, total_quota, capping_status }) => {
    caps.push([used_quota, total_quota, capping_status]);
  });
  simulator.updatePhone(sender, { limits: { lockAfter: { coldSends: 1, windowMs: minute, lockMs: 5 * minute } } });
  expect(await errorOf(session, stranger(simulator))).toBeUndefined();
  await until(() => locks.length === 1);
  expect(await errorOf(session, stranger(simulator))).toBe("463");
  pass(5 * minute);
  await until(() => locks.length === 2);
  expect(locks).toEqual([true, false]);

  simulator.updatePhone(sender, { limits: { lockAfter: null, newChats: { total: 2, cycleMs: 10 * minute } } });
  await until(() => caps.length === 1);
  for (const error of [undefined, undefined, "463"]) expect(await errorOf(session, stranger(simulator))).toBe(error);
  await until(() => caps.length === 2);
  expect(caps).toEqual([
    [0, 2, "NONE"],
    [2, 2, "CAPPED"],
  ]);
  expect(await session.sock.fetchNewChatMessageCap()).toMatchObject({ total_quota: 2, used_quota: 2 });
  expect(await errorOf(session, userJid)).toBe("463");
  expect(simulator.stats()).toMatchObject({ lockHits: 1, capHits: 2 });
  pass(10 * minute);
  expect(await errorOf(session, userJid)).toBeUndefined();
  expect(simulator.phone(sender).limits.newChats).toMatchObject({ total: 2, used: 1 });
});

test("a quiet account is not notified and must ask", async () => {
  const simulator = await newWorld();
  const session = await linked(simulator);
  const locks: unknown[] = [];
  session.sock.ev.on("connection.update", ({ reachoutTimeLock }) => reachoutTimeLock && locks.push(reachoutTimeLock));
  const lockedUntil = new Date(Date.now() + minute).toISOString();
  simulator.updatePhone(sender, { limits: { isQuiet: true, lockedUntil } });
  expect(await errorOf(session, userJid)).toBe("463");
  expect(locks).toEqual([]);
  expect((await session.sock.fetchAccountReachoutTimelock()).isActive).toBe(true);
});

test("what is faster than the send rate is refused with 429 until the window has passed", async () => {
  const { now, schedule, pass } = clock();
  const simulator = await newWorld({ now, schedule });
  const session = await linked(simulator);
  simulator.updatePhone(sender, { limits: { sendRate: { messages: 2, windowMs: minute } } });
  for (const error of [undefined, undefined, "429", "429"]) expect(await errorOf(session, userJid)).toBe(error);
  expect(simulator.stats().rateRefusals).toBe(2);
  expect(simulator.messages(user)).toHaveLength(2);
  pass(minute);
  expect(await errorOf(session, userJid)).toBeUndefined();
});

test("an account that writes to too many strangers is banned: refused, disconnected, and its login refused", async () => {
  const simulator = await newWorld();
  const session = await linked(simulator);
  simulator.updatePhone(sender, { limits: { banAfter: { coldSends: 2, windowMs: minute } } });
  for (const error of [undefined, undefined, "403"]) expect(await errorOf(session, stranger(simulator))).toBe(error);
  expect((await session.closed).code).toBe(403);
  expect(simulator.phone(sender).limits.isBanned).toBe(true);
  expect(simulator.stats().bans).toBe(1);
  expect((await client(simulator, session.auth).closed).code).toBe(403);
  simulator.updatePhone(sender, { limits: { isBanned: false, banAfter: null } });
  await client(simulator, session.auth).opened;
});

test("limits and acquaintances outlive a restart", async () => {
  const stateFile = join(await mkdtemp(join(tmpdir(), "simulator-")), "state.json");
  const lockedUntil = new Date(Date.now() + minute).toISOString();
  const before = await newWorld({ stateFile });
  await before.send(user, { to: sender, text: "hello" });
  before.updatePhone(sender, { limits: { lockedUntil } });
  await before.close();
  const after = await newWorld({ stateFile });
  expect(after.phone(sender).limits.lockedUntil).toBe(lockedUntil);
  const session = await linked(after);
  expect(await errorOf(session, userJid)).toBeUndefined();
  expect(await errorOf(session, stranger(after))).toBe("463");
});

test("the control API sets limits and refuses what is none", async () => {
  const simulator = await newWorld();
  const patch = (limits: unknown) =>
    fetch(`${simulator.httpUrl}/phones/${encodeURIComponent(sender)}`, {
      method: "PATCH",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ limits }),
    });
  const sendRate = { messages: 5, windowMs: 1000 };
  const answer = await patch({ sendRate, newChats: { total: 3, cycleMs: 60_000, used: 1 } });
  expect(await answer.json()).toMatchObject({ limits: { sendRate, newChats: { total: 3, used: 1 } } });
  for (const wrong of [{ sendRate: { messages: 5 } }, { lockedUntil: "soon" }, { other: 1 }]) {
    expect((await patch(wrong)).status).toBe(400);
  }
  expect(simulator.phone(sender).limits.sendRate).toEqual(sendRate);
});
