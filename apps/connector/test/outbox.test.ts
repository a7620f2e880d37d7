import { type ConnectorEvent, EventBatch, maxEventContentBytes } from "@sandi/contracts";
import { createKeyRing, generateKeyText, webRandom } from "@sandi/crypto";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createOutbox, type Outbox } from "../src/outbox/outbox.ts";
import { nodeAtRest } from "@sandi/crypto/node";
import type { Fence } from "../src/store/fence.ts";
import { acquireLeases } from "../src/store/leases.ts";
import { appendStatement, type NewEvent, outboxDepth } from "../src/store/outbox.ts";
import { receivedStatements } from "../src/store/received.ts";
import { sealContent, sealEvent } from "../src/store/sealed-events.ts";
import { storeDesiredState } from "../src/store/sessions.ts";
import { openStore, type Store } from "../src/store/store.ts";
import { handClock } from "./support/hand-clock.ts";
import { newId, workspaceId } from "./support/rig.ts";

const run = "a.1";
const keys = createKeyRing(generateKeyText("k1", webRandom));
let store: Store;
let outbox: Outbox;
let clock: ReturnType<typeof handClock>;
let fences: Fence[];
/** The events that the edge accepted, by session, and the batches that were sent to it. */
let taken: Map<string, string[]>;
let batches: ConnectorEvent[][];
/** The edge's answer to a batch; 200 takes it. */
let answer: (events: ConnectorEvent[]) => number | "no answer";

beforeEach(async () => {
  clock = handClock();
  store = await openStore({ url: "file::memory:", authToken: undefined }, clock.now());
  [taken, batches, answer] = [new Map(), [], () => 200];
  outbox = createOutbox({
    services: { now: clock.now, after: clock.after, chance: () => 1 },
    store,
    atRest: (sessionId) => nodeAtRest(keys, sessionId, webRandom),
    async callEdge(_path, body) {
      const { events } = EventBatch.parse(body);
      batches.push(events);
      const status = answer(events);
      if (status === "no answer") throw new Error("no answer");
      if (status === 200) for (const { sessionId, id } of events) takenOf(sessionId).push(id);
      return { status, body: {} };
    },
    connectorId: run,
    logger: pino({ level: "silent" }),
    onDelivered: () => undefined,
    onParked: () => undefined,
  });
});
afterEach(async () => {
  outbox.stop();
  clock.pass(60_000);
  await store.close();
});

function takenOf(sessionId: string): string[] {
  const ids = taken.get(sessionId) ?? [];
  taken.set(sessionId, ids);
  return ids;
}

async function sessions(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await storeDesiredState(
      store,
      { sessionId: newId("ses"), workspaceId, desired: "running", revision: 1 },
      clock.now(),
    );
  }
  const lease = { owner: "a", run, now: clock.now(), leaseMs: 3_600_000, includeOwn: false, limit: count };
  fences = (await acquireLeases(store, lease)).map(({ id, fence }) => ({ sessionId: id, fence }));
}

/** One event more of each session; answers their ids in the order of the sessions. */
async function learn(of: Fence[] = fences): Promise<string[]> {
  const events = of.map(({ sessionId }) => {
    const at = clock.now().toISOString();
    return { id: newId("msg").replace("msg", "evt"), type: "session.proxy", sessionId, isHealthy: true, at } as const;
  });
  await store.writer.write(of.map((fence, i) => appendStatement(fence, events[i]!)));
  outbox.deliver();
  return events.map(({ id }) => id);
}

/** Lets time pass in small steps until it is so; answers how much it took, in milliseconds. */
async function passUntil(what: string, check: () => boolean | Promise<boolean>, limitMs = 3_600_000): Promise<number> {
  const start = clock.now().getTime();
  while (!(await check())) {
    if (clock.now().getTime() - start > limitMs) throw new Error(`too late: ${what}`);
    clock.pass(50);
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  return clock.now().getTime() - start;
}

const has = (id: string) => (events: ConnectorEvent[]) => events.some((event) => event.id === id);

test("events that are appended during a delivery share the next one", async () => {
  await sessions(2);
  await learn();
  let during: Promise<unknown> | undefined;
  answer = () => {
    during ??= learn([fences[0]!]);
    return 200;
  };
  await passUntil("the first delivery", () => during !== undefined);
  await during;
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  await learn([fences[1]!]);
  await passUntil("the next delivery", () => fences.every(({ sessionId }) => takenOf(sessionId).length === 2));
  expect(batches.map((events) => events.length)).toEqual([2, 2]);
});

/** Appends the event of a message that a person edited. */
async function write(fence: Fence, text: string): Promise<string> {
  const { sessionId } = fence;
  const at = clock.now();
  const [id, messageId, personId] = [newId("evt"), newId("msg"), newId("per")];
  const event: NewEvent = { id, type: "message.edited", sessionId, messageId, personId, at: at.toISOString() };
  const atRest = nodeAtRest(keys, sessionId, webRandom);
  const content = await sealContent(atRest, id, { change: { from: null, text, formerText: null } });
  const body = await sealEvent(atRest, event);
  await store.writer.write(receivedStatements(fence, { waId: id, eventId: id, body, content, at }));
  return id;
}

test("contents of any length are delivered in batches that the edge takes, in order", async () => {
  await sessions(2);
  const lengths = [10, 590_000, 400_000, 300_000, 20, 590_000, 590_000, 30];
  const written: string[] = [];
  for (const [i, length] of lengths.entries()) written.push(await write(fences[i % 2]!, "a".repeat(length)));
  outbox.deliver();
  // Without a wait between the batches.
  await passUntil("all are delivered", () => fences.every(({ sessionId }) => takenOf(sessionId).length === 4), 100);
  for (const [i, { sessionId }] of fences.entries()) {
    expect(takenOf(sessionId)).toEqual(written.filter((_, n) => n % 2 === i));
  }
  for (const events of batches)
    expect(JSON.stringify({ connectorId: run, events }).length).toBeLessThanOrEqual(1_048_576);
  expect(batches.length).toBeLessThan(lengths.length);
  expect(batches.flat().map((event) => ("content" in event ? event.content?.change?.text?.length : 0))).toEqual(
    lengths,
  );
});

test("a content that is too long stays at the connector, and its event is delivered", async () => {
  await sessions(1);
  const id = await write(fences[0]!, "ä".repeat(maxEventContentBytes / 2));
  outbox.deliver();
  await passUntil("it is delivered", () => takenOf(fences[0]!.sessionId).length === 1);
  expect(batches.flat()).toMatchObject([{ id }]);
  expect(batches.flat()[0]).not.toHaveProperty("content");
});

test("a session whose event the edge fails at waits alone, in order, while the others continue", async () => {
  await sessions(20);
  const first = await learn();
  const isPoisoned = has(first[7]!);
  answer = (events) => (isPoisoned(events) ? 500 : 200);
  const second = await learn();
  const others = fences.filter((_, i) => i !== 7);
  await passUntil(
    "the others are delivered",
    () => others.every(({ sessionId }) => takenOf(sessionId).length === 2),
    2000,
  );
  const third = await learn();
  await passUntil(
    "the others are delivered again",
    () => others.every(({ sessionId }) => takenOf(sessionId).length === 3),
    500,
  );
  expect(takenOf(fences[7]!.sessionId)).toEqual([]);
  answer = () => 200;
  await passUntil("it catches up", () => takenOf(fences[7]!.sessionId).length === 3, 60_000);
  expect(takenOf(fences[7]!.sessionId)).toEqual([first[7], second[7], third[7]]);
});

test("the event that the edge keeps failing at is parked, and what follows it is delivered", async () => {
  await sessions(2);
  const before = await learn();
  const poison = await learn();
  const after = await learn();
  answer = (events) => (has(poison[0]!)(events) ? 500 : 200);
  const tookMs = await passUntil("what follows is delivered", () => takenOf(fences[0]!.sessionId).length === 2);
  expect(takenOf(fences[0]!.sessionId)).toEqual([before[0], after[0]]);
  expect(await outboxDepth(store)).toMatchObject({ waiting: 0, parked: 1 });
  expect(tookMs).toBeGreaterThan(60_000);
  expect(tookMs).toBeLessThan(600_000);
});

test("any number of such sessions is found, in few requests for all others", async () => {
  await sessions(200);
  const first = await learn();
  const poisoned = new Set(first.filter((_, i) => i % 10 === 3 || i < 12));
  answer = (events) => (events.some(({ id }) => poisoned.has(id)) ? 500 : 200);
  const healthy = fences.filter((_, i) => !poisoned.has(first[i]!));
  await passUntil(
    "the healthy ones are delivered",
    () => healthy.every(({ sessionId }) => takenOf(sessionId).length === 1),
    10_000,
  );
  batches.length = 0;
  await learn(healthy);
  await passUntil(
    "they are delivered again",
    () => healthy.every(({ sessionId }) => takenOf(sessionId).length === 2),
    500,
  );
  expect(batches.filter((events) => events.length > 1)).toHaveLength(1);
});

test.each([
  ["a session that makes the edge fall silent", "no answer"],
  ["a session that makes the edge unavailable", 503],
] as const)("%s is found after a while", async (_name, how) => {
  await sessions(9);
  const first = await learn();
  answer = (events) => (has(first[4]!)(events) ? how : 200);
  const others = fences.filter((_, i) => i !== 4);
  await passUntil(
    "the others are delivered",
    () => others.every(({ sessionId }) => takenOf(sessionId).length === 1),
    30_000,
  );
  answer = () => 200;
  await passUntil("it is delivered", () => takenOf(fences[4]!.sessionId).length === 1, 60_000);
  expect(takenOf(fences[4]!.sessionId)).toEqual([first[4]]);
});

test.each([
  ["no answer", 100, 6000],
  [503, 100, 6000],
  [401, 100, 6000],
  // It is asked about each of the 50 sessions, ever more seldom.
  [500, 600, 61_000],
] as const)(
  "an edge that takes nothing (%s) is asked seldom, and nothing is parked",
  async (how, mostRequests, mostMs) => {
    await sessions(50);
    await learn();
    answer = () => how;
    let passedMs = 0;
    await passUntil("a minute is over", () => (passedMs += 50) > 60_000, 120_000);
    expect(batches.length).toBeLessThan(mostRequests);
    answer = () => 200;
    const tookMs = await passUntil(
      "all are delivered",
      () => fences.every(({ sessionId }) => takenOf(sessionId).length === 1),
      120_000,
    );
    expect(tookMs).toBeLessThan(mostMs);
    expect((await outboxDepth(store)).parked).toBe(0);
  },
);
