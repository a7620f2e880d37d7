import { expect, test } from "vitest";
import { fairShare, leastLoaded, toHandOver } from "../src/supervisor/placement.ts";

const member = (run: string, held: number, { capacity = 100, isDraining = false } = {}) => {
  return { run, url: "", held, capacity, isDraining };
};

test("the connector with the most free capacity is the least loaded, and full or draining ones are never chosen", () => {
  const members = [member("a", 10), member("b", 15, { capacity: 300 }), member("c", 0, { isDraining: true })];
  expect(leastLoaded({ members, sessions: 25 }, "a")).toBe("b");
  expect(leastLoaded({ members: [member("a", 100)], sessions: 100 }, "a")).toBeNull();
  expect(leastLoaded({ members: [member("a", 1), member("b", 1)], sessions: 2 }, "b")).toBe("b");
});

test("a share is by capacity, rounded up, and never more than it", () => {
  const members = [member("a", 0), member("b", 0, { capacity: 300 }), member("c", 0, { isDraining: true })];
  expect(["a", "b", "c"].map((run) => fairShare({ members, sessions: 10 }, run))).toEqual([3, 8, 0]);
  expect(fairShare({ members, sessions: 4000 }, "a")).toBe(100);
  expect(fairShare({ members: [], sessions: 4 }, "a")).toBe(0);
});

test("no more is given than there is room for, and never many at once", () => {
  const fleet = (a: number, b: number) => ({ members: [member("a", a), member("b", b)], sessions: a + b });
  const given = (a: number, b: number) => toHandOver(fleet(a, b), "a", a);
  expect([given(6, 0), given(5, 3), given(4, 0), given(90, 0)]).toEqual([1, 0, 0, 5]);
  const large = [member("a", 500, { capacity: 1000 }), member("b", 0, { capacity: 1000 })];
  expect(toHandOver({ members: large, sessions: 500 }, "a", 500)).toBe(10);
  expect(toHandOver({ members: [member("a", 90)], sessions: 90 }, "a", 90)).toBe(0);
});
