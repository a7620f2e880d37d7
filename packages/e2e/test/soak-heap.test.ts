import { expect, it } from "vitest";
import { heapVerdict } from "../src/bench/soak-heap.ts";

const minute = 60_000;

it("calls a heap flat that is as large at the end of each life, and of the run, as it was at its start", () => {
  const looks = [0, 1, 2, 3].flatMap((pid) => [
    { pid, at: pid * 4 * minute, heapMb: 80 },
    { pid, at: (pid * 4 + 3) * minute, heapMb: 84 },
  ]);
  expect(heapVerdict(looks)).toBe(
    "live heap of a connector: 80 MB when its life begins and 84 MB 3.0 minutes later; 82 MB in the run's first quarter, 82 MB in its last: flat",
  );
});

it("says that it grows, be it in each life or from one to the next", () => {
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
