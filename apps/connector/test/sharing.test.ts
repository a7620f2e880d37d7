import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createMeter } from "../src/metrics.ts";
import { sessionMetrics } from "../src/session/metrics.ts";
import type { LiveSession } from "../src/session/live.ts";
import { text } from "../src/store/row.ts";
import { acquireLeases } from "../src/store/leases.ts";
import { findSession, storeDesiredState } from "../src/store/sessions.ts";
import { openStore, type Store } from "../src/store/store.ts";
import { createSupervisor, type Supervisor } from "../src/supervisor/supervisor.ts";
import { someAddresses, someKeys } from "./support/addresses.ts";
import { until } from "./support/fake-edge.ts";
import { newId, workspaceId } from "./support/rig.ts";

const leaseMs = 15_000;
let nowMs: number;
let store: Store;
const now = () => new Date(nowMs);
const addresses = someAddresses(now);

beforeEach(async () => {
  nowMs = 1_000_000;
  store = await openStore({ url: "file::memory:", authToken: undefined }, now());
});
afterEach(() => store.close());

/** A supervisor whose clock the test sets. */
interface Party {
  supervisor: Supervisor;
  /** A fifteenth of a lease: every fifth, from the first on, is a renewal. */
  beat(): Promise<void>;
  connectAfterMs: number[];
  /** What it did with sessions, in order. */
  did: string[];
  offline: Set<string>;
}

function party(name: string, { capacity = 100, chance = 0.5, run = "1" } = {}): Party {
  const timers: (() => void)[] = [];
  const one: Omit<Party, "supervisor"> = {
    connectAfterMs: [],
    did: [],
    offline: new Set(),
    async beat() {
      timers.shift()?.();
      await until("the beat is over", () => timers.length > 0);
    },
  };
  const supervisor = createSupervisor({
    services: {
      now,
      chance: () => chance,
      after(_ms: number, timer: () => void) {
        timers.push(timer);
        return () => undefined;
      },
    } as Parameters<typeof createSupervisor>[0]["services"],
    store,
    addresses,
    keys: someKeys(),
    owner: name,
    run: `${name}.${run}`,
    url: `http://${name}.internal`,
    connectPerSecond: 50,
    leaseMs,
    capacity,
    logger: pino({ level: "silent" }),
    metrics: sessionMetrics(createMeter({ withProcess: false })),
    onAppended: () => undefined,
    flush: async () => void one.did.push("flushed"),
    adopt(row, connectAfterMs) {
      one.connectAfterMs.push(connectAfterMs);
      const live = {
        fence: { sessionId: row.id, fence: row.fence },
        desiredStateChanged: () => undefined,
        session: {
          retryStoring: () => undefined,
          machine: { state: one.offline.has(row.id) ? "waiting" : "online" },
        },
        renewed: () => undefined,
        lose: () => undefined,
        stop: async () => void one.did.push(`stopped ${row.id}`),
      };
      return live as unknown as LiveSession;
    },
  });
  return { ...one, supervisor };
}

/** From one renewal to the next. */
async function renewal(one: Party): Promise<void> {
  for (let i = 0; i < 5; i++) await one.beat();
}

const job = (sessionId: string) => ({ sessionId, workspaceId, desired: "running" as const, revision: 1 });

async function createSessions(count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => newId("ses"));
  for (const id of ids) await storeDesiredState(store, job(id), now());
  return ids;
}

async function heldBy(name: string | null): Promise<number> {
  const { rows } = await store.client.execute({
    sql: "SELECT count(*) AS held FROM session WHERE owner IS ?",
    args: [name],
  });
  return Number(rows[0]?.["held"]);
}

async function members(): Promise<string[]> {
  const { rows } = await store.client.execute("SELECT run FROM member ORDER BY run");
  return rows.map((row) => text(row, "run"));
}

describe("the sessions of a connector that died", () => {
  test("are shared by those that live, once the clocks can no longer differ by so much", async () => {
    await createSessions(9);
    const [a, b, c] = [party("a"), party("b"), party("c")];
    await a.supervisor.start();
    await a.beat();
    expect(await heldBy("a")).toBe(9);
    for (const one of [b, c]) await one.supervisor.start();
    nowMs += leaseMs + leaseMs / 5 - 1;
    for (const one of [b, c]) await one.beat();
    expect([await heldBy("a"), await heldBy("b"), await heldBy("c")]).toEqual([9, 0, 0]);
    nowMs += 1;
    for (let i = 0; i < 5; i++) for (const one of [b, c]) await one.beat();
    expect([await heldBy("a"), await heldBy("b"), await heldBy("c")]).toEqual([0, 5, 4]);
  });

  test("go to any connector with free capacity when one has not acquired its share after half a lease", async () => {
    await createSessions(9);
    const b = party("b");
    const dead = { owner: "a", run: "a.1", now: now(), leaseMs, includeOwn: false, limit: 9 };
    expect(await acquireLeases(store, dead)).toHaveLength(9);
    nowMs += leaseMs + leaseMs / 5;
    await b.supervisor.start();
    // Announces itself, and takes nothing.
    await party("c").supervisor.start();
    await b.beat();
    expect([await heldBy("a"), await heldBy("b")]).toEqual([4, 5]);
    nowMs += leaseMs / 2 - leaseMs / 5;
    await renewal(b);
    expect(await heldBy("a")).toBe(0);
  });

  test("and the dead one is forgotten, at once when its machine starts again", async () => {
    await party("a").supervisor.start();
    await party("b").supervisor.start();
    await party("a", { run: "2" }).supervisor.start();
    expect(await members()).toEqual(["a.2", "b.1"]);
    nowMs += 2 * leaseMs + 1;
    await party("ab").supervisor.start();
    expect(await members()).toEqual(["ab.1"]);
  });
});

test("a connector that joins is given a few sessions at a time, those without a connection first, until each has its share", async () => {
  const ids = await createSessions(40);
  const [a, b] = [party("a"), party("b")];
  for (const id of ids.slice(10, 12)) a.offline.add(id);
  await a.supervisor.start();
  await a.beat();
  await b.supervisor.start();
  await renewal(a);
  await until("some are given", () => heldBy(null));
  expect(await heldBy(null)).toBe(3);
  expect(a.did).toHaveLength(4);
  expect(a.did.slice(0, 2).toSorted()).toEqual(
    ids
      .slice(10, 12)
      .map((id) => `stopped ${id}`)
      .toSorted(),
  );
  expect(a.did[3]).toBe("flushed");
  // While these have no owner, no others follow.
  await renewal(a);
  await renewal(a);
  expect(await heldBy(null)).toBe(3);
  for (let i = 0; (await heldBy("b")) < 18; i++) {
    expect(i).toBeLessThan(50);
    nowMs += leaseMs / 3;
    await renewal(b);
    await renewal(a);
  }
  const lots = a.did.join(" ").split("flushed");
  for (const lot of lots) expect(lot.split("stopped").length - 1).toBeLessThanOrEqual(3);
  expect([await heldBy("a"), await heldBy("b"), await heldBy(null)]).toEqual([22, 18, 0]);
});

test("no connector takes more than its capacity, however many sessions are started at the same time", async () => {
  const { supervisor } = party("a", { capacity: 3 });
  await supervisor.start();
  const outcomes = await Promise.all(
    Array.from({ length: 8 }, () => supervisor.setDesiredState(job(newId("ses")), { mayPlace: true })),
  );
  expect(outcomes.filter((outcome) => outcome === "applied")).toHaveLength(3);
  expect(outcomes.filter((outcome) => outcome === "elsewhere")).toHaveLength(5);
  expect(await heldBy("a")).toBe(3);
});

test.each([
  [0, 0],
  [0.999, 1998],
])("sessions that are acquired together connect at random times, fifty in a second (%d)", async (chance, lastMs) => {
  await createSessions(100);
  const one = party("a", { chance });
  await one.supervisor.start();
  await one.beat();
  expect(one.connectAfterMs).toHaveLength(100);
  expect(Math.max(...one.connectAfterMs)).toBe(lastMs);
  await one.supervisor.setDesiredState(job(newId("ses")), { mayPlace: false });
});

test("one alone connects at once", async () => {
  const one = party("a", { chance: 0.999 });
  await one.supervisor.start();
  await one.supervisor.setDesiredState(job(newId("ses")), { mayPlace: false });
  expect(one.connectAfterMs).toEqual([0]);
});

test("a connector that drains takes nothing, is given nothing, and holds what it has until it stops", async () => {
  const [held] = await createSessions(1);
  const [a, b] = [party("a"), party("b")];
  await a.supervisor.start();
  await a.beat();
  await b.supervisor.start();
  await b.supervisor.setDesiredState(job(newId("ses")), { mayPlace: true });
  const there = await b.supervisor.setDesiredState(job(newId("ses")), { mayPlace: true });
  expect([there, await heldBy("b")]).toEqual(["applied", 2]);
  expect(await b.supervisor.setDesiredState(job(newId("ses")), { mayPlace: true })).toEqual({
    url: "http://a.internal",
  });
  await a.supervisor.drain();
  expect(await b.supervisor.setDesiredState(job(newId("ses")), { mayPlace: true })).toBe("applied");
  expect(await a.supervisor.setDesiredState(job(newId("ses")), { mayPlace: false })).toBe("elsewhere");
  nowMs += leaseMs / 2;
  await renewal(a);
  expect(await findSession(store, held!)).toMatchObject({ ownerRun: "a.1", leaseUntil: nowMs + leaseMs });
  await a.supervisor.stop();
  await a.supervisor.release();
  expect(await members()).toEqual(["b.1"]);
  await renewal(b);
  expect([await heldBy("a"), await heldBy("b"), await heldBy(null)]).toEqual([0, 6, 0]);
});
