import { expect, test } from "vitest";
import { createBoundedMap, createSharedBound } from "../src/bounded-map.ts";

test("a bounded map keeps what was used last, and nothing for too long", () => {
  let time = 0;
  const map = createBoundedMap<number>(2, 100, () => time);
  map.set("a", 1);
  map.set("b", 2);
  expect(map.get("a")).toBe(1);
  map.set("c", 3);
  expect([map.get("a"), map.get("b"), map.get("c")]).toEqual([1, undefined, 3]);
  time = 100;
  expect(map.get("a")).toBeUndefined();
});

test("maps of one bound keep what was used last in any of them, and clear their own", () => {
  const make = createSharedBound<number>(3);
  const [one, other] = [make(), make()];
  one.set("a", 1);
  other.set("a", 2);
  one.set("b", 3);
  expect([one.get("a"), other.get("a")]).toEqual([1, 2]);
  other.set("c", 4);
  expect([one.get("a"), one.get("b"), other.get("a"), other.get("c")]).toEqual([1, undefined, 2, 4]);
  other.delete("a");
  expect([one.get("a"), other.get("a")]).toEqual([1, undefined]);
  other.clear();
  expect([one.get("a"), other.get("c")]).toEqual([1, undefined]);
});
