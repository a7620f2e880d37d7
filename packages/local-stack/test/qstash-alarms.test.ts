import { expect, it, vi } from "vitest";
import { Alarms } from "../src/qstash/alarms.ts";

it("runs what is due in the order of its time, and nothing before", () => {
  let now = 0;
  const alarms = new Alarms(() => now);
  const times = Array.from({ length: 200 }, (_, n) => (n * 7919) % 1009);
  const ran: number[] = [];
  for (const at of times) alarms.set(at, () => ran.push(at));
  for (const [at, alarm] of times.map((time) => [time, alarms.set(time, () => ran.push(-1))] as const)) {
    expect(alarm.at).toBe(at);
    alarm.run = undefined;
  }
  const sorted = times.toSorted((a, b) => a - b);
  for (now of [0, 500, 501, 2000]) {
    alarms.wake();
    expect(ran).toEqual(sorted.filter((at) => at <= now));
  }
  alarms.close();
});

it("runs the earliest by itself, also when it was set last or is a year away", () => {
  vi.useFakeTimers();
  const alarms = new Alarms(Date.now);
  const ran: string[] = [];
  const year = 365 * 24 * 3_600_000;
  const start = Date.now();
  alarms.set(start + year, () => ran.push("year"));
  alarms.set(start + 50, () => ran.push("50 ms"));
  alarms.set(start + 10, () => ran.push("10 ms"));
  vi.advanceTimersByTime(49);
  expect(ran).toEqual(["10 ms"]);
  vi.advanceTimersByTime(1);
  expect(ran).toEqual(["10 ms", "50 ms"]);
  vi.advanceTimersByTime(year - 51);
  expect(ran).toHaveLength(2);
  vi.advanceTimersByTime(1);
  expect(ran).toHaveLength(3);
  alarms.close();
  alarms.set(0, () => ran.push("closed"));
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});
