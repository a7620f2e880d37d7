import { describe, expect, test } from "vitest";
import { lockOf, newChatsOf } from "../src/baileys/account-limits.ts";

const start = Date.parse("2026-08-01T00:00:00Z");

describe("WhatsApp's answers about an account's limits", () => {
  test("a lock has an end, or an unknown end", () => {
    const timeEnforcementEnds = new Date(start);
    expect(lockOf({ isActive: true, timeEnforcementEnds })).toEqual({ isActive: true, until: timeEnforcementEnds });
    expect(lockOf({ isActive: true, timeEnforcementEnds: new Date(1e15) })).toEqual({ isActive: true, until: null });
    expect(lockOf({ isActive: true })).toEqual({ isActive: true, until: null });
    expect(lockOf({ isActive: true, timeEnforcementEnds: new Date(Number.NaN) })).toEqual({
      isActive: true,
      until: null,
    });
    expect(lockOf({ isActive: false, timeEnforcementEnds })).toEqual({ isActive: false, until: null });
    expect(lockOf({})).toBeUndefined();
  });

  test.each([
    ["nothing", null, undefined],
    ["no figures", {}, undefined],
    ["a quota without a cycle", { total_quota: 1000, used_quota: 0, cycle_end_timestamp: "0" }, null],
    [
      "a cycle",
      { total_quota: 5, used_quota: 2, cycle_end_timestamp: "1800000000" },
      { total: 5, used: 2, resetsAt: new Date(18e11) },
    ],
    [
      "capped before the quota",
      { total_quota: 5, used_quota: 2, capping_status: "CAPPED" },
      { total: 5, used: 5, resetsAt: null },
    ],
    [
      "a cycle that no calendar has",
      { total_quota: 5, used_quota: 2, cycle_end_timestamp: "1800000000000" },
      { total: 5, used: 2, resetsAt: null },
    ],
    ["capped without figures", { capping_status: "CAPPED" }, { total: 0, used: 0, resetsAt: null }],
    [
      "figures that count nothing",
      { total_quota: 1e300, used_quota: 2 ** 60, capping_status: "CAPPED" },
      { total: 0, used: 0, resetsAt: null },
    ],
    ["no numbers", { total_quota: "many", used_quota: -1, cycle_end_timestamp: "soon" }, undefined],
  ])("%s", (_name, info, expected) => {
    expect(newChatsOf(info as Parameters<typeof newChatsOf>[0])).toEqual(expected);
  });
});
