import { beforeEach, expect, test } from "vitest";
import type { LookUpBudget } from "../src/numbers/look-up-budget.ts";
import { createKnownNumbers } from "../src/numbers/known-numbers.ts";
import { createNumbers, type Numbers } from "../src/numbers/numbers.ts";
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
  pause: async () => undefined,
};

let clock: HandClock;
let stored: Map<string, KnownNumber>;
let asked: string[];
let reads: number;
beforeEach(() => {
  [clock, stored, asked, reads] = [handClock(), new Map(), [], 0];
});

const store: NumberStore = {
  async find(_workspaceId, digits) {
    reads++;
    const known = digits.flatMap((one) => stored.get(one) ?? []);
    return new Map(known.map((one) => [one.digits, one]));
  },
  async store(_workspaceId, numbers) {
    for (const one of numbers) stored.set(one.digits, one);
  },
  delete: () => Promise.resolve(0),
};
/** As after a start: nothing of it is in memory. */
const start = () => {
  const services = { ...clock, chance: () => 0 };
  return createNumbers(createKnownNumbers(store, services), budget, services);
};
const jidOf = (numbers: Numbers, digits: string) =>
  numbers.jidOf(digits, {
    workspaceId: "ws_a",
    sessionId: "ses_1",
    purpose: "send",
    async ask(digitsAsked) {
      asked.push(...digitsAsked);
      const jids = new Map(digitsAsked.map((one) => [one, one === alive ? jid : null]));
      return { jids, waits: new Map(), pauseMs: null };
    },
  });

test.each([
  ["has an account", alive, jid, 14 * day, 1],
  // That it has none may be news to another connector: memory believes it for half a minute.
  ["has none", dead, null, 6 * hour, 2],
])(
  "that a number %s is believed for its time, in memory and over a restart, and then asked again",
  async (_what, digits, answer, ms, readsBy) => {
    const numbers = start();
    expect(await jidOf(numbers, digits)).toBe(answer);
    expect(stored.get(digits)?.until).toEqual(new Date(clock.now().getTime() + ms));
    clock.pass(ms - 1);
    reads = 0;
    expect([await jidOf(numbers, digits), await jidOf(start(), digits), asked]).toEqual([answer, answer, [digits]]);
    expect(reads).toBe(readsBy);
    clock.pass(1);
    expect(await jidOf(numbers, digits)).toBe(answer);
    expect(asked).toEqual([digits, digits]);
  },
);
