import { expect, it } from "vitest";
import { soak } from "../src/bench/soak.ts";

it("two connectors that are killed in turn under mixed load lose nothing, show nothing twice, and never share a session", async () => {
  const report = await soak({
    sessions: 12,
    connectors: 2,
    seconds: 45,
    killEverySeconds: 8,
    perSecond: 8,
    recipients: 30,
    log: () => undefined,
  });
  expect(report.kills).toBeGreaterThanOrEqual(2);
  expect(report.refused).toEqual(new Map());
  expect(report.accepted).toBe(360);
  expect(report.lost).toEqual([]);
  expect(report.twice).toEqual([]);
  expect(report.devicesWithTwoOwners).toBe(0);
  expect(report.undecryptable).toBe(0);
  expect(report.heap.every(({ heapMb }) => heapMb > 0)).toBe(true);
  expect(new Set(report.heap.map(({ pid }) => pid)).size).toBeGreaterThan(2);
  // Every one read on its phone, or approved by what its phone wrote.
  expect(Object.keys(report.statuses).toSorted()).toEqual(["approved", "read"]);
}, 300_000);
