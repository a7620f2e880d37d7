import { beforeEach, expect, test } from "vitest";
import type { LimitReport } from "../src/baileys/account-limits.ts";
import type { WhatsAppSocket } from "../src/baileys/socket.ts";
import { createLimitReads, type LimitReads } from "../src/session/limit-reads.ts";
import { type AccountLimits, unlimited } from "../src/session/account-limits.ts";
import type { Limits } from "../src/store/account-limits.ts";
import { type HandClock, handClock } from "./support/hand-clock.ts";

const locked: LimitReport = { lock: { isActive: true, until: null } };
const free: LimitReport = { lock: { isActive: false, until: null }, newChats: null };
const capped = (used: number): LimitReport => ({ newChats: { total: 5, used, resetsAt: null } });

let clock: HandClock;
let limits: Limits;
let answer: (() => Promise<LimitReport>) | null;
let asked: number;
let results: string[];
let reads: LimitReads;
const socket = { readLimits: async () => (asked++, answer!()) } as unknown as WhatsAppSocket;

beforeEach(() => {
  clock = handClock();
  [limits, asked, results, answer] = [unlimited, 0, [], async () => free];
  const kept = {
    ready: Promise.resolve(),
    current: () => ({
      ...limits,
      lockedUntil: limits.lockedUntil && limits.lockedUntil > clock.now() ? limits.lockedUntil : null,
    }),
    change: (patch: Partial<Limits>) => void (limits = { ...limits, ...patch }),
  };
  reads = createLimitReads({
    services: clock,
    limits: kept as AccountLimits,
    socket: () => (answer ? socket : null),
    onRead: (result) => void results.push(result),
  });
});
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("each login asks, however short the time since the last one", async () => {
  answer = async () => capped(2);
  for (const login of [1, 2, 3]) {
    reads.opened(socket);
    await settled();
    expect(asked).toBe(login);
  }
  expect([limits.newChats, results]).toEqual([
    { total: 5, used: 2, resetsAt: null },
    ["answered", "answered", "answered"],
  ]);
});

test("a refused new chat reads the limits, and all chats that are refused meanwhile share the answer", async () => {
  const answered = Promise.withResolvers<LimitReport>();
  answer = () => answered.promise;
  const [first, second] = [reads.refused(), reads.refused()];
  expect(reads.asksWhoIsNew()).toBe(true);
  let isRefused: boolean | undefined;
  void reads.refusesNewChats().then((refuses) => (isRefused = refuses));
  await settled();
  expect([asked, isRefused]).toEqual([1, undefined]);
  answered.resolve(locked);
  expect([await first, await second]).toEqual([true, true]);
  await settled();
  expect([isRefused, limits.lockedUntil]).toEqual([true, new Date(clock.now().getTime() + 60_000)]);
});

test("what is known to be locked or used up explains a refusal without a question", async () => {
  reads.received(locked);
  await settled();
  expect([await reads.refused(), asked]).toEqual([true, 0]);
  limits = unlimited;
  reads.received(capped(5));
  await settled();
  expect([await reads.refused(), asked]).toEqual([true, 0]);
  expect(limits.newChats?.resetsAt).toEqual(new Date(clock.now().getTime() + 3_600_000));
});

test("an account without limits explains nothing, and is asked again after a minute", async () => {
  expect([await reads.refused(), asked]).toEqual([false, 1]);
  expect([await reads.refused(), await reads.refused(), asked]).toEqual([false, false, 1]);
  clock.pass(59_999);
  await settled();
  expect(asked).toBe(1);
  clock.pass(1);
  await settled();
  expect(asked).toBe(2);
  clock.pass(3_600_000);
  await settled();
  expect(asked).toBe(2);
});

test("an account whose limits cannot be read opens no new chats for a minute", async () => {
  answer = () => Promise.reject(new Error("no answer"));
  expect([await reads.refused(), results]).toEqual([true, ["failed"]]);
  expect(await reads.refusesNewChats()).toBe(true);
  clock.pass(60_000);
  expect(await reads.refusesNewChats()).toBe(false);
});

test("limits that are not answered after a login are read again, less and less often, until WhatsApp answers", async () => {
  reads.received({ newChats: { total: 5, used: 4, resetsAt: null } });
  await settled();
  answer = () => Promise.reject(new Error("no answer"));
  reads.opened(socket);
  await settled();
  expect(limits.newChats).toEqual({ total: 5, used: 4, resetsAt: null });
  for (const [after, times] of [
    [60_000, 2],
    [119_999, 2],
    [1, 3],
    [240_000, 4],
  ] as const) {
    clock.pass(after);
    await settled();
    expect(asked).toBe(times);
  }
  answer = async () => locked;
  clock.pass(480_000);
  await settled();
  expect([asked, limits.lockedUntil === null]).toEqual([5, false]);
  clock.pass(7_200_000);
  await settled();
  expect(asked).toBe(5);
});

test("an offline one does the same", async () => {
  answer = null;
  expect([await reads.refused(), await reads.refusesNewChats()]).toEqual([true, true]);
});

test("each new chat asks how many are left, where they are counted, and once a minute at most", async () => {
  reads.openedChat();
  await settled();
  expect(asked).toBe(0);
  answer = async () => capped(3);
  reads.received(capped(2));
  await settled();
  for (let i = 0; i < 3; i++) reads.openedChat();
  await settled();
  expect([asked, limits.newChats?.used]).toEqual([1, 3]);
  answer = async () => capped(4);
  reads.openedChat();
  clock.pass(60_000);
  await settled();
  expect([asked, limits.newChats?.used]).toEqual([2, 4]);
});

test("a session that stops asks no more", async () => {
  await reads.refused();
  await reads.refused();
  reads.stop();
  clock.pass(60_000);
  await settled();
  expect(asked).toBe(1);
});
