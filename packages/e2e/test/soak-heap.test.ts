import { expect, it } from "vitest";
import { heapVerdict } from "../src/bench/soak-heap.ts";

const minute = 60_000;

it("calls a heap flat when it does not grow during a life or during the run", () => {
  const looks = [0, 1, 2, 3].flatMap((pid) => [
    { pid, at: pid * 4 * minute, heapMb: 80 },
    { pid, at: (pid * 4 + 3) * minute, heapMb: 84 },
  ]);
  expect(heapVerdict(looks)).toBe(
    "live heap of a connector: 80 MB when its life begins and 84 MB 3.0 minutes later; 82 MB in the run's first quarter, 82 MB in its last: flat",
  );
});

it("reports growth during a life, and from one life to the next", () => {
  const within = [0, 1, 2, 3].flatMap((pid) => [
    { pid, at: 0, heapMb: 80 },
    { pid, at: minute, heapMb: 95 },
  ]);
  expect(heapVerdict(within)).toMatch(/GROWS$/);
  const between = [0, 1, 2, 3].flatMap((pid) => [
    { pid, at: 0, heapMb: 80 + 10 * pid },
    { pid, at: minute, heapMb: 80 + 10 * pid },
  ]);
  expect(heapVerdict(between)).toMatch(/GROWS$/);
});
