import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { lockOf, newChatsOf } from "../src/baileys/account-limits.ts";
import { createBreaker, type SendPermit } from "../src/session/breaker.ts";
import {
  createAccountLimits,
  hasClosedNewChats,
  type AccountLimits,
  unlimited,
} from "../src/session/account-limits.ts";
import { createChats } from "../src/store/chats.ts";
import type { Limits } from "../src/store/account-limits.ts";
import { LeaseLost } from "../src/store/fence.ts";
import { acquireLeases } from "../src/store/leases.ts";
import { storeDesiredState } from "../src/store/sessions.ts";
import { openStore } from "../src/store/store.ts";
import { until } from "./support/fake-edge.ts";
import { newId, workspaceId } from "./support/rig.ts";

const start = Date.parse("2026-08-01T00:00:00Z");
const clock = { at: start };
const now = () => new Date(clock.at);
beforeEach(() => {
  clock.at = start;
});

describe("what WhatsApp says of an account", () => {
  test("a lock has an end, or none that is told", () => {
    const timeEnforcementEnds = new Date(start);
    expect(lockOf({ isActive: true, timeEnforcementEnds })).toEqual({ isActive: true, until: timeEnforcementEnds });
    expect(lockOf({ isActive: true, timeEnforcementEnds: new Date(1e15) })).toEqual({ isActive: true, until: null });
    expect(lockOf({ isActive: true })).toEqual({ isActive: true, until: null });
    expect(lockOf({ isActive: true, timeEnforcementEnds: new Date(Number.NaN) })).toEqual({
      isActive: true,
      until: null,
    });
    expect(lockOf({ isActive: false, timeEnforcementEnds })).toEqual({ isActive: false, until: null });
    expect(lockOf({})).toBeUndefined();
  });

  test.each([
    ["nothing", null, undefined],
    ["no figures", {}, undefined],
    ["a quota without a cycle", { total_quota: 1000, used_quota: 0, cycle_end_timestamp: "0" }, null],
    [
      "a cycle",
      { total_quota: 5, used_quota: 2, cycle_end_timestamp: "1800000000" },
      { total: 5, used: 2, resetsAt: new Date(18e11) },
    ],
    [
      "capped before the quota",
      { total_quota: 5, used_quota: 2, capping_status: "CAPPED" },
      { total: 5, used: 5, resetsAt: null },
    ],
    [
      "a cycle that no calendar has",
      { total_quota: 5, used_quota: 2, cycle_end_timestamp: "1800000000000" },
      { total: 5, used: 2, resetsAt: null },
    ],
    ["capped without figures", { capping_status: "CAPPED" }, { total: 0, used: 0, resetsAt: null }],
    [
      "figures that count nothing",
      { total_quota: 1e300, used_quota: 2 ** 60, capping_status: "CAPPED" },
      { total: 0, used: 0, resetsAt: null },
    ],
    ["no numbers", { total_quota: "many", used_quota: -1, cycle_end_timestamp: "soon" }, undefined],
  ])("%s", (_name, info, expected) => {
    expect(newChatsOf(info as Parameters<typeof newChatsOf>[0])).toEqual(expected);
  });
});

/** Limits in memory; chance always has the longest pause. */
function breaker(chance = () => 1) {
  let limits: Limits = unlimited;
  const kept: Pick<AccountLimits, "current" | "change"> = {
    current: () => ({
      ...limits,
      pausedUntil: limits.pausedUntil && limits.pausedUntil > now() ? limits.pausedUntil : null,
    }),
    change: (patch) => void (limits = { ...limits, ...patch }),
  };
  const made = createBreaker(kept as AccountLimits, { now, chance });
  return { enter: () => made.enter() as SendPermit, paused: () => kept.current().pausedUntil };
}
const pauseMs = (end: Date | null) => (end ? end.getTime() - clock.at : 0);

describe("the breaker", () => {
  test("pauses grow up to an hour, and a message that gets through ends them", () => {
    const { enter, paused } = breaker();
    const pauses = Array.from({ length: 9 }, () => {
      const pass = enter();
      pass.refused("rate", "a");
      pass.leave();
      const ms = pauseMs(paused());
      clock.at += ms;
      return ms / 1000;
    });
    expect(pauses).toEqual([30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
    enter().sent();
    enter().refused("rate", "a");
    expect(pauseMs(paused())).toBe(30_000);
  });

  test("a pause is random, but never none", () => {
    const { enter, paused } = breaker(() => 0);
    enter().refused("forbidden", "a");
    expect(pauseMs(paused())).toBe(100_000);
  });

  test("refusals of what set out before the pause count once, and its successes do not end it", () => {
    const { enter, paused } = breaker();
    const [a, b, c] = [enter(), enter(), enter()];
    a.refused("rate", "a");
    const first = paused();
    b.refused("rate", "b");
    c.sent();
    expect(paused()).toEqual(first);
    clock.at = first!.getTime();
    b.refused("rate", "b");
    c.sent();
    const probe = enter();
    expect(enter()).toHaveProperty("pausedUntil");
    probe.leave();
    expect(enter()).not.toHaveProperty("pausedUntil");
  });

  test("what nobody explains counts by people, and in a row", () => {
    const { enter, paused } = breaker();
    const refuse = (person: string) => enter().refused("unexplained", person);
    for (let i = 0; i < 20; i++) refuse("one");
    for (const person of ["b", "c", "d"]) refuse(person);
    expect(paused()).toBeNull();
    enter().sent();
    for (const person of ["e", "f", "g", "h"]) refuse(person);
    expect(paused()).toBeNull();
    refuse("i");
    expect(pauseMs(paused())).toBe(60_000);
  });
});

async function stored() {
  const folder = await mkdtemp(join(tmpdir(), "sandi-limits-"));
  const store = await openStore({ url: `file:${join(folder, "connector.db")}`, authToken: undefined }, now());
  onTestFinished(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  const sessionId = newId("ses");
  await storeDesiredState(store, { sessionId, workspaceId, desired: "running", revision: 1 }, now());
  const lease = { owner: "a", run: "a", now: now(), leaseMs: 1, includeOwn: false, limit: 1 };
  const [row] = await acquireLeases(store, lease);
  return { store, fence: { sessionId, fence: row!.fence } };
}

async function keeper() {
  const { store, fence } = await stored();
  const failures: unknown[] = [];
  const timers: (() => void)[] = [];
  let ids = 0;
  const make = (own = fence) =>
    createAccountLimits({
      services: {
        now,
        newId: () => `evt_${++ids}`,
        after: (_ms, run) => {
          timers.push(run);
          return () => undefined;
        },
      },
      store,
      fence: own,
      logger: pino({ level: "silent" }),
      onAppended: () => undefined,
      onPaused: () => undefined,
      unsaved: (error) => void failures.push(error),
    });
  const told = async () => {
    const { rows } = await store.client.execute("SELECT body FROM outbox ORDER BY seq");
    return rows.map(({ body }) => JSON.parse(body as string) as Record<string, unknown>);
  };
  return { store, fence, make, told, failures, timers };
}

describe("limits that are kept", () => {
  const lockedUntil = new Date(start + 60_000);

  test("are told when they change, and not when they are learned again", async () => {
    const { make, told } = await keeper();
    const limits = make();
    await limits.ready;
    const same = { lockedUntil: null, newChats: { total: 5, used: 1, resetsAt: lockedUntil } };
    limits.change(same);
    limits.change({ ...same });
    await until("they are told", async () => (await told()).length === 1);
    limits.change({ lockedUntil });
    await until("the lock is told", async () => (await told()).length === 2);
    limits.change({ trips: 1 });
    expect(hasClosedNewChats(limits.current())).toBe(true);
    const again = make();
    await again.ready;
    again.change({ lockedUntil });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await told()).toHaveLength(2);
    clock.at += 60_000;
    again.change({});
    await until("the end is told", async () => (await told()).length === 3);
    expect((await told()).at(-1)).toMatchObject({
      newChatsLockedUntil: null,
      newChats: { total: 5, used: 0, resetsAt: null },
    });
  });

  test("are not written by an owner that has lost the session", async () => {
    const { make, told, failures, fence } = await keeper();
    const limits = make({ ...fence, fence: fence.fence - 1 });
    await limits.ready;
    limits.change({ lockedUntil });
    await until("it is noticed", () => failures.length > 0);
    expect(failures[0]).toBeInstanceOf(LeaseLost);
    expect(await told()).toEqual([]);
  });

  test("are written later when the database does not take them", async () => {
    const { make, told, failures, store, timers } = await keeper();
    const limits = make();
    await limits.ready;
    const disk = vi.spyOn(store.writer, "write").mockRejectedValueOnce(new Error("disk full"));
    limits.change({ pausedUntil: lockedUntil });
    await until("it failed", () => failures.length > 0);
    timers.at(-1)!();
    await until("it is told", async () => (await told()).length === 1);
    expect(disk).toHaveBeenCalledTimes(2);
  });
});

const pseudonym = (text: string) => `p(${text})`;

test("who has been reached or has written is known to their session, by any of their names, until it is forgotten", async () => {
  const { store, fence } = await stored();
  const { sessionId } = fence;
  const chats = createChats(store, { now, pseudonym });
  const knows = (...jids: (string | null)[]) => chats.knows(sessionId, jids);
  expect(await knows("a@s")).toBe(false);
  await chats.reached(fence, [pseudonym("a@s"), null]);
  await store.writer.write(chats.wrote(fence, ["b@s", "b@lid"]));
  expect(await knows("a@s", null)).toBe(true);
  expect(await knows("x@s", "b@lid")).toBe(true);
  expect(await knows("x@s", null)).toBe(false);
  expect(await chats.knows(newId("ses"), ["a@s"])).toBe(false);
  await expect(chats.reached({ ...fence, fence: 1 }, [pseudonym("c@s")])).rejects.toThrow(LeaseLost);
  await store.writer.write([{ sql: "DELETE FROM chat", args: [] }]);
  chats.forget(sessionId);
  await chats.reached(fence, [pseudonym("a@s")]);
  expect(await knows("a@s")).toBe(true);
  const { rows } = await store.client.execute("SELECT person FROM chat");
  expect(rows.map(({ person }) => person)).toEqual(["p(a@s)"]);
});
