import { beforeEach, expect, test } from "vitest";
import type { LookUpBudget } from "../src/jobs/look-up-budget.ts";
import { createNumbers, type Numbers } from "../src/jobs/numbers.ts";
import type { KnownNumber, NumberStore } from "../src/store/numbers.ts";
import { type HandClock, handClock } from "./support/hand-clock.ts";

const hour = 3_600_000;
const day = 24 * hour;
const alive = "6281200000001";
const dead = "6281200000002";
const jid = `${alive}@s.whatsapp.net`;
const budget: LookUpBudget = {
  left: async () => ({ send: 100, lookUp: 100, until: new Date(0) }),
  asked: async () => undefined,
  dead: async () => undefined,
};

let clock: HandClock;
let stored: Map<string, KnownNumber>;
let asked: string[];
let reads: number;
beforeEach(() => {
  [clock, stored, asked, reads] = [handClock(), new Map(), [], 0];
});

const store: NumberStore = {
  async find(_workspaceId, digits, now) {
    reads++;
    const known = digits.flatMap((one) => stored.get(one) ?? []).filter(({ until }) => until > now);
    return new Map(known.map((one) => [one.digits, one]));
  },
  async store(_workspaceId, numbers) {
    for (const one of numbers) stored.set(one.digits, one);
  },
};
/** As after a start: nothing of it is in memory. */
const start = () => createNumbers(store, budget, clock);
const jidOf = (numbers: Numbers, digits: string) =>
  numbers.jidOf(digits, {
    workspaceId: "ws_a",
    sessionId: "ses_1",
    purpose: "send",
    async ask(digitsAsked) {
      asked.push(...digitsAsked);
      return new Map(digitsAsked.map((one) => [one, one === alive ? jid : null]));
    },
  });

test.each([
  ["has an account", alive, jid, 14 * day],
  ["has none", dead, null, 6 * hour],
])(
  "that a number %s is believed for its time, in memory and over a restart, and then asked again",
  async (_what, digits, answer, ms) => {
    const numbers = start();
    expect(await jidOf(numbers, digits)).toBe(answer);
    expect(stored.get(digits)?.until).toEqual(new Date(clock.now().getTime() + ms));
    clock.pass(ms - 1);
    reads = 0;
    expect([await jidOf(numbers, digits), await jidOf(start(), digits), asked]).toEqual([answer, answer, [digits]]);
    // Once, after the start: what is in memory needs no read.
    expect(reads).toBe(1);
    clock.pass(1);
    expect(await jidOf(numbers, digits)).toBe(answer);
    expect(asked).toEqual([digits, digits]);
  },
);
