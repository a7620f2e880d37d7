import { beforeEach, describe, expect, test } from "vitest";
import { createBreaker, type SendPermit } from "../src/session/breaker.ts";
import { type AccountLimits, unlimited } from "../src/session/account-limits.ts";
import type { Limits } from "../src/store/account-limits.ts";

const start = Date.parse("2026-08-01T00:00:00Z");
const clock = { at: start };
const now = () => new Date(clock.at);
beforeEach(() => {
  clock.at = start;
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

  test("unexplained refusals count people, in a row", () => {
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
