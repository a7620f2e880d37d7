import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { LiveSession } from "../src/session/live.ts";
import { createMeter } from "../src/metrics.ts";
import { sessionMetrics, type SessionMetrics } from "../src/session/metrics.ts";
import { openStore, type Store } from "../src/store/store.ts";
import { acquireLeases } from "../src/store/leases.ts";
import { findSession, type SessionRow, storeDesiredState } from "../src/store/sessions.ts";
import { createSupervisor, type Supervisor } from "../src/supervisor/supervisor.ts";
import { until } from "./support/fake-edge.ts";
import { someAddresses, someKeys } from "./support/addresses.ts";
import { newId, workspaceId } from "./support/rig.ts";

let now: Date;
let store: Store;
let timers: (() => void)[];
let adopted: SessionRow[];
let stopped: string[];
let lost: string[];
let renewed: number[];
let adopt: (row: SessionRow) => void;
let metrics: SessionMetrics;

beforeEach(async () => {
  now = new Date(1_000_000);
  store = await openStore({ url: "file::memory:", authToken: undefined }, now);
  metrics = sessionMetrics(createMeter({ withProcess: false }));
  [timers, adopted, stopped, lost, renewed] = [[], [], [], [], []];
  adopt = (row) => void adopted.push(row);
});
afterEach(() => store.close());

function supervisor(over: Store = store): Supervisor {
  return createSupervisor({
    services: {
      now: () => now,
      chance: () => 0,
      after(_ms: number, run: () => void) {
        timers.push(run);
        return () => undefined;
      },
    } as Parameters<typeof createSupervisor>[0]["services"],
    store: over,
    addresses: someAddresses(() => now),
    keys: someKeys(),
    owner: "a",
    run: "a.1",
    url: "http://127.0.0.1:1",
    connectPerSecond: 50,
    leaseMs: 15_000,
    capacity: 10,
    logger: pino({ level: "silent" }),
    metrics,
    onAppended: () => undefined,
    flush: () => Promise.resolve(),
    adopt(row) {
      adopt(row);
      const live = {
        fence: { sessionId: row.id, fence: row.fence },
        session: { retryStoring: idle },
        desiredStateChanged: idle,
        renewed: (at: number) => void renewed.push(at),
        lose: () => void lost.push(row.id),
        stop: async () => void stopped.push(row.id),
      };
      return live as unknown as LiveSession;
    },
  });
}

const idle = () => undefined;
const job = (sessionId: string, revision = 1) => ({ sessionId, workspaceId, desired: "running" as const, revision });

/** Stores what is written and loses the answer, once. */
function losingAnswers(): Store {
  let isLost = false;
  return {
    ...store,
    writer: {
      ...store.writer,
      async write(statements) {
        const results = await store.writer.write(statements);
        const isAcquire = JSON.stringify(statements).includes("max(fence + 1");
        if (!isAcquire || isLost) return results;
        isLost = true;
        throw new Error("the answer is lost");
      },
    },
  };
}

test("a session whose lease was acquired although the answer was lost is adopted at the next renewal", async () => {
  const id = newId("ses");
  await storeDesiredState(store, job(id), now);
  await acquireLeases(store, { owner: "a", run: "a.0", now, leaseMs: 15_000, includeOwn: false, limit: 1 });
  const one = supervisor(losingAnswers());
  await expect(one.start()).rejects.toThrow("lost");
  await one.start();
  expect(adopted).toEqual([]);
  timers.shift()!();
  await until("it is taken up", () => one.find(id));
  expect(adopted.map((row) => row.id)).toEqual([id]);
});

test("a session whose lease was renewed knows until when", async () => {
  await storeDesiredState(store, job(newId("ses")), now);
  const one = supervisor();
  await one.start();
  timers.shift()!();
  await until("it is taken up", () => adopted.length === 1 && timers.length > 0);
  now = new Date(now.getTime() + 5000);
  // The renewal is the fifth from here.
  for (let i = 0; i < 5; i++) {
    const timer = await until("its next look", () => timers.shift());
    timer();
  }
  await until("it is renewed", () => renewed.length > 0 && timers.length > 0);
  expect(renewed).toEqual([now.getTime() + 15_000]);
  expect((await findSession(store, adopted[0]!.id))!.leaseUntil).toBe(renewed[0]);
});

test("a session that another has taken is given up with the next renewal, and no other is", async () => {
  const [taken, kept] = [newId("ses"), newId("ses")];
  for (const id of [taken, kept]) await storeDesiredState(store, job(id), now);
  const one = supervisor();
  await one.start();
  timers.shift()!();
  await until("both are taken up", () => adopted.length === 2 && timers.length > 0);
  const later = new Date(now.getTime() + 60_000);
  const lease = { owner: "b", run: "b.1", now: later, leaseMs: 15_000, includeOwn: false, limit: 1 };
  await acquireLeases(store, { ...lease, sessionId: taken });
  // The renewal is the fifth from here.
  for (let i = 0; i < 5; i++) {
    const timer = await until("its next look", () => timers.shift());
    timer();
  }
  await until("it is given up", () => lost.length > 0 && timers.length > 0);
  expect(lost).toEqual([taken]);
});

test("and with the next desired state", async () => {
  const id = newId("ses");
  const one = supervisor(losingAnswers());
  await expect(one.setDesiredState(job(id), { mayPlace: false })).rejects.toThrow("lost");
  expect(await one.setDesiredState(job(id), { mayPlace: false })).toBe("applied");
  expect(adopted.map((row) => row.id)).toEqual([id]);
});

test("what an earlier run of this machine held is taken back at once, and nothing else is before the first look", async () => {
  const [own, theirs, free] = [newId("ses"), newId("ses"), newId("ses")];
  const lease = { now, leaseMs: 15_000, includeOwn: false, limit: 1 };
  for (const id of [own, theirs, free]) await storeDesiredState(store, job(id), now);
  await acquireLeases(store, { ...lease, owner: "a", run: "a.0", sessionId: own });
  await acquireLeases(store, { ...lease, owner: "b", run: "b.0", sessionId: theirs });
  await supervisor().start();
  expect(adopted.map((row) => row.id)).toEqual([own]);
});

test("one session that cannot be adopted does not stop the others, and is tried again", async () => {
  const ids = [newId("ses"), newId("ses"), newId("ses")];
  for (const id of ids) await storeDesiredState(store, job(id), now);
  let isBroken = true;
  adopt = (row) => {
    if (isBroken && row.id === ids[0]) throw new Error("broken");
    adopted.push(row);
  };
  const one = supervisor();
  await one.start();
  timers.shift()!();
  await until("the others are taken up", () => adopted.length === 2 && timers.length > 0);
  isBroken = false;
  // The renewal is the fifth from here.
  for (let i = 0; i < 5; i++) {
    const timer = await until("its next look", () => timers.shift());
    timer();
  }
  await until("it is taken up", () => one.find(ids[0]!));
  expect(adopted).toHaveLength(3);
});

test("stopping waits for a session that is being adopted, and stops it too", async () => {
  const id = newId("ses");
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const isAsked = Promise.withResolvers<void>();
  const slow: Store = {
    ...store,
    writer: {
      ...store.writer,
      async write(statements) {
        const results = await store.writer.write(statements);
        if (!JSON.stringify(statements).includes("max(fence + 1")) return results;
        isAsked.resolve();
        await gate;
        return results;
      },
    },
  };
  const one = supervisor(slow);
  const applied = one.setDesiredState(job(id), { mayPlace: false });
  await isAsked.promise;
  const stopping = one.stop();
  open();
  await Promise.all([applied, stopping]);
  expect(stopped).toEqual([id]);
  await one.release();
  expect((await findSession(store, id))!.ownerRun).toBeNull();
  const { values } = await metrics.leases.get();
  expect(values.map(({ labels, value }) => [labels.change, value])).toEqual([
    ["taken", 1],
    ["released", 1],
  ]);
});

test("sessions of another owner are not adopted", async () => {
  const id = newId("ses");
  await storeDesiredState(store, job(id), now);
  const lease = { owner: "b", run: "b.1", now, leaseMs: 15_000, includeOwn: false, limit: 1 };
  await acquireLeases(store, lease);
  expect(await supervisor().setDesiredState(job(id, 2), { mayPlace: false })).toBe("elsewhere");
  expect((await findSession(store, id))!.ownerRun).toBe("b.1");
});

type Answer = (sql: string) => Promise<void>;
const answers: Answer = () => Promise.resolve();

/** Its own lease is there; whatever else it asks of the database waits for the gate. */
async function holding(): Promise<{ one: Supervisor; id: string; hang: (how: Answer) => void }> {
  let hang = answers;
  const slow: Store = {
    ...store,
    client: {
      ...store.client,
      async execute(query: Parameters<Store["client"]["execute"]>[0]) {
        await hang(JSON.stringify(query));
        return store.client.execute(query);
      },
    },
    writer: {
      ...store.writer,
      async write(statements) {
        await hang(JSON.stringify(statements));
        return store.writer.write(statements);
      },
    },
  };
  const id = newId("ses");
  const one = supervisor(slow);
  await one.start();
  expect(await one.setDesiredState(job(id), { mayPlace: false })).toBe("applied");
  return { one, id, hang: (how) => (hang = how) };
}
const beat = async () => (await until("its next look", () => timers.shift()))();
const isRenewed = async (id: string) => (await findSession(store, id))!.leaseUntil === now.getTime() + 15_000;

test("a look for sessions that hangs does not put off the renewal of those that it has", async () => {
  const { id, hang } = await holding();
  await beat();
  const gate = Promise.withResolvers<void>();
  hang((sql) => (sql.includes("owner IS NULL AND gone_at IS NULL LIMIT 1") ? gate.promise : answers(sql)));
  await beat();
  now = new Date(now.getTime() + 9000);
  gate.resolve();
  await beat();
  expect(await until("it is renewed", async () => (await isRenewed(id)) || null)).toBe(true);
});

test("a renewal that fails is tried again with the next look", async () => {
  const { id, hang } = await holding();
  await beat();
  for (let i = 0; i < 4; i++) await beat();
  now = new Date(now.getTime() + 5000);
  hang(() => Promise.reject(new Error("away")));
  await beat();
  await until("it has failed", () => timers.length === 1);
  hang(answers);
  await beat();
  expect(await until("it is renewed", async () => (await isRenewed(id)) || null)).toBe(true);
});
