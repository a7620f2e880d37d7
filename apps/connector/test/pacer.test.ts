import { type Pacing, pacingPresets } from "@sandi/contracts";
import { beforeEach, expect, test } from "vitest";
import { createPacer, type Pace, type Pacer, type Turn } from "../src/session/pacer.ts";
import { createSlots } from "../src/session/slots.ts";

let time: number;
let timers: { at: number; run: () => void }[];
let pacer: Pacer;
let randomness: number;
let earlier: number[];
const services = {
  now: () => new Date(time),
  after(ms: number, fire: () => void) {
    const timer = { at: time + ms, run: fire };
    timers.push(timer);
    return () => void timers.splice(timers.indexOf(timer), 1);
  },
  /** Different each time, the same in every run. */
  chance: () => (randomness = (randomness * 16_807) % 2_147_483_647) / 2_147_483_647,
};
beforeEach(() => {
  time = Date.parse("2026-08-01T00:00:00Z");
  timers = [];
  randomness = 4711;
  earlier = [];
  pacer = createPacer(services, async () => earlier);
});

const bulk = (pacing: Pacing): Pace => ({ lane: "bulk", pacing });
const settled = () => new Promise((resolve) => setImmediate(resolve));
async function pass(ms: number): Promise<void> {
  const end = time + ms;
  for (;;) {
    await settled();
    const next = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
    if (!next) break;
    timers.splice(timers.indexOf(next), 1);
    time = Math.max(time, next.at);
    next.run();
  }
  time = end;
  await settled();
}

/** A queue that delivers each job again at the requested time, late by up to `lateMs`. Returns when each one was sent. */
async function run(ids: string[], pacing: Pacing, { lateMs = 0, takesMs = 20, lasts = 3_600_000 } = {}) {
  const went: { id: string; at: number }[] = [];
  let visits = 0;
  const visit = async (id: string): Promise<void> => {
    visits++;
    const turn = await pacer.paced(id, bulk(pacing));
    if ("retryAt" in turn) {
      const seconds = Math.max(1, Math.floor((turn.retryAt.getTime() - time) / 1000));
      services.after(seconds * 1000 + Math.round(services.chance() * lateMs), () => void visit(id));
      return;
    }
    await turn.clear();
    went.push({ id, at: time });
    services.after(takesMs, () => turn.leave(true));
  };
  for (const id of ids) void visit(id);
  await pass(lasts);
  return { went, visits };
}
const ids = (count: number) => Array.from({ length: count }, (_, i) => `m${i}`);
const gaps = (went: { at: number }[]) => went.slice(1).map(({ at }, i) => at - went[i]!.at);

test.each(["careful", "normal", "fast"] as const)(
  "%s keeps its distance, at random, in the order of arrival",
  async (pacing) => {
    const { went, visits } = await run(ids(60), pacing);
    expect(went.map(({ id }) => id)).toEqual(ids(60));
    const [least, most] = pacingPresets[pacing].gapMs;
    const pauses = gaps(went).filter((gap) => gap > most + 1);
    expect(Math.min(...gaps(went))).toBeGreaterThanOrEqual(least);
    expect(new Set(gaps(went)).size).toBeGreaterThan(20);
    expect(pauses.length).toBeGreaterThanOrEqual(pacing === "careful" ? 2 : pacing === "normal" ? 1 : 0);
    for (const pause of pauses) expect(pause).toBeLessThanOrEqual((pacingPresets[pacing].pause?.ms[1] ?? 0) + most);
    // Nobody is sent away twice when the queue is on time.
    expect(visits).toBeLessThanOrEqual(120);
  },
);

test("a late queue changes the order little and the distance not at all, and no message starves", async () => {
  const { went, visits } = await run(ids(100), "normal", { lateMs: 4000 });
  expect(went).toHaveLength(100);
  expect(Math.min(...gaps(went))).toBeGreaterThanOrEqual(pacingPresets.normal.gapMs[0]);
  went.forEach(({ id }, i) => expect(Math.abs(Number(id.slice(1)) - i)).toBeLessThanOrEqual(2));
  expect(visits).toBeLessThan(350);
});

test("messages that are all late are sent one by one, from the first on", async () => {
  const places = await Promise.all(ids(10).map((id) => pacer.paced(id, bulk("normal"))));
  (places[0] as Turn).leave(true);
  await pass(300_000);
  const { went } = await run(ids(10).slice(1).toReversed(), "normal");
  expect(went).toHaveLength(9);
  expect(Math.min(...gaps(went))).toBeGreaterThanOrEqual(pacingPresets.normal.gapMs[0]);
});

test("off sends one after the other, and keeps only a few waiting", async () => {
  const { went, visits } = await run(ids(200), "off", { takesMs: 50 });
  expect(went).toHaveLength(200);
  expect(new Set(gaps(went).map((gap) => gap >= 50))).toEqual(new Set([true]));
  expect(went.at(-1)!.at - went[0]!.at).toBeLessThan(60_000);
  expect(visits).toBeLessThan(1000);
});

test("a message behind slow ones comes back later", async () => {
  const first = (await pacer.paced("a", bulk("off"))) as Turn;
  await pass(60_000);
  first.leave(true);
  await pacer.paced("b", bulk("off"));
  const second = (await pacer.paced("c", bulk("off"))) as { retryAt: Date };
  expect(second.retryAt.getTime() - time).toBeGreaterThan(5000);
});

test("a slow outage delays messages only briefly, and not at all after a few fast ones", async () => {
  const slow = (await pacer.paced("slow", bulk("off"))) as Turn;
  await pass(600_000);
  slow.leave(true);
  const next = (await pacer.paced("next", bulk("off"))) as Turn;
  const { retryAt } = (await pacer.paced("away", bulk("off"))) as { retryAt: Date };
  expect(retryAt.getTime() - time).toBe(8000);
  next.leave(true);
  await pass(8000);
  for (const id of ["away", ...ids(6)]) ((await pacer.paced(id, bulk("off"))) as Turn).leave(true);
  const last = (await pacer.paced("last", bulk("off"))) as Turn;
  const behind = pacer.paced("behind", bulk("off"));
  last.leave(true);
  expect(await behind).toHaveProperty("leave");
});

test("a day's bound holds, and what is beyond it comes the next day", async () => {
  const { went } = await run(ids(320), "careful", { lasts: 3 * 86_400_000 });
  expect(went).toHaveLength(320);
  expect(went[300]!.at - went[0]!.at).toBeGreaterThanOrEqual(86_400_000);
  expect(went[299]!.at - went[0]!.at).toBeLessThan(86_400_000);
});

test("what went before a restart counts for the day, and keeps its distance", async () => {
  const [day, begun] = [86_400_000, time];
  earlier = Array.from({ length: 299 }, (_, i) => begun - day / 2 + i * 10_000);
  earlier.push(begun);
  const full = (await pacer.paced("a", bulk("careful"))) as { retryAt: Date };
  expect(full.retryAt.getTime()).toBe(begun + day / 2);
  earlier = [begun - 1000];
  const others = createPacer(services, async () => earlier);
  const near = (await others.paced("b", bulk("careful"))) as { retryAt: Date };
  expect(near.retryAt.getTime() - begun).toBeGreaterThanOrEqual(pacingPresets.careful.gapMs[0] - 1000);
});

test("no bulk message is sent before the earlier ones are read from the store", async () => {
  let isBroken = true;
  const unsure = createPacer(services, async () => {
    if (isBroken) throw new Error("the store does not answer");
    return [];
  });
  await expect(unsure.paced("a", bulk("off"))).rejects.toThrow("the store does not answer");
  isBroken = false;
  expect(await unsure.paced("a", bulk("off"))).toHaveProperty("leave");
});

test("bulk waits while a code is being sent, but not without end", async () => {
  const cleared: string[] = [];
  const clear = async (turn: Turn, name: string) => {
    await turn.clear();
    cleared.push(name);
  };
  const first = (await pacer.paced("a", bulk("off"))) as Turn;
  const codes = [pacer.code(), pacer.code()];
  void clear(first, "a");
  for (const code of codes) void clear(code, "code");
  await settled();
  expect(cleared).toEqual(["code", "code"]);
  codes[0]!.leave(true);
  await settled();
  expect(cleared).toHaveLength(2);
  codes[1]!.leave(true);
  await settled();
  expect(cleared).toEqual(["code", "code", "a"]);
  first.leave(true);
  pacer.code();
  const second = (await pacer.paced("b", bulk("off"))) as Turn;
  void clear(second, "b");
  await pass(4000);
  expect(cleared).toHaveLength(3);
  await pass(1000);
  expect(cleared).toEqual(["code", "code", "a", "b"]);
});

test("a message that could not be sent is next", async () => {
  const turn = (await pacer.paced("a", bulk("careful"))) as Turn;
  expect(await pacer.paced("b", bulk("careful"))).toHaveProperty("retryAt");
  turn.leave(false);
  const { retryAt } = (await pacer.paced("a", bulk("careful"))) as { retryAt: Date };
  const other = (await pacer.paced("b", bulk("careful"))) as { retryAt: Date };
  expect(retryAt.getTime() - time).toBe(pacingPresets.careful.gapMs[0]);
  expect(other.retryAt.getTime()).toBeGreaterThanOrEqual(retryAt.getTime() + pacingPresets.careful.gapMs[0]);
});

test("what went without a bound counts for one that has, however much it was", () => {
  const slots = createSlots(services.chance);
  const day = 86_400_000;
  const begun = time;
  for (let i = 0; i < 20_000; i++) slots.start(slots.place(`m${i}`, bulk("off"), (time += 1000)), time);
  // The last 15,000 are the daily limit. The next one is sent a day after the first of them.
  expect(slots.place("next", bulk("fast"), time).at).toBe(begun + 5001 * 1000 + day);
});

const normal = (pacing: Pacing): Pace => ({ lane: "normal", pacing });

test("a normal message goes before the bulk ones that wait, keeps the distance, and its own kind goes in order", async () => {
  const slots = createSlots(services.chance);
  const bulks = ids(5).map((id) => slots.place(id, bulk("normal"), time));
  const singles = ["n0", "n1"].map((id) => slots.place(id, normal("normal"), time));
  const order = [...bulks, ...singles].toSorted((a, b) => a.at - b.at);
  expect(order.map(({ messageId }) => messageId)).toEqual(["n0", "n1", ...ids(5)]);
  expect(Math.min(...gaps(order))).toBeGreaterThanOrEqual(pacingPresets.normal.gapMs[0]);
});

test("a bulk message that is overtaken while it waits lets the normal one go, and both keep the pace", async () => {
  ((await pacer.paced("first", bulk("fast"))) as Turn).leave(true);
  const went: string[] = [];
  const go = async (id: string, pace: Pace) => {
    const turn = (await pacer.paced(id, pace)) as Turn;
    went.push(id);
    services.after(20, () => turn.leave(true));
  };
  void go("bulk", bulk("fast"));
  await pass(100);
  void go("single", normal("fast"));
  await pass(10_000);
  expect(went).toEqual(["single", "bulk"]);
});

test("without a pace a normal message goes before the bulk ones that wait for the one in front", async () => {
  const front = (await pacer.paced("front", bulk("off"))) as Turn;
  const went: string[] = [];
  const go = async (id: string, pace: Pace) => {
    const turn = (await pacer.paced(id, pace)) as Turn;
    went.push(id);
    turn.leave(true);
  };
  for (const id of ids(3)) void go(id, bulk("off"));
  await pass(1);
  void go("single", normal("off"));
  await pass(1);
  front.leave(true);
  await pass(1000);
  expect(went).toEqual(["single", ...ids(3)]);
});

test("an endless stream of normal messages overtakes a bulk one thirty times at most", () => {
  const slots = createSlots(services.chance);
  const waiting = slots.place("waiting", bulk("fast"), time);
  const singles = Array.from({ length: 50 }, (_, i) => slots.place(`n${i}`, normal("fast"), time));
  expect(singles.filter(({ at }) => at < waiting.at)).toHaveLength(30);
});

test("the daily limit counts the messages of both lanes, whatever their order", () => {
  const slots = createSlots(services.chance);
  const day = 86_400_000;
  slots.recall(Array.from({ length: pacingPresets.careful.perDay - 1 }, (_, i) => time - day + 1000 * (i + 1)));
  const waiting = slots.place("waiting", bulk("careful"), time);
  expect(waiting.at).toBeLessThan(time + day / 2);
  const single = slots.place("single", normal("careful"), time);
  expect(single.at).toBeLessThan(waiting.at);
  expect(waiting.at).toBeGreaterThanOrEqual(Math.max(single.at + pacingPresets.careful.gapMs[0], time + 1000));
});
