import { expect, it } from "vitest";
import { compared } from "../src/bench/compare.ts";

it("compares two checkouts by the medians of their figures and of the ratios of their pairs", () => {
  const pairs = [
    [{ "codes/s": 100 }, { "codes/s": 150 }],
    [{ "codes/s": 50 }, { "codes/s": 100 }],
    [{ "codes/s": 200 }, { "codes/s": 180 }],
  ] satisfies Parameters<typeof compared>[0];
  expect(compared(pairs)).toEqual([{ name: "codes/s", a: 100, b: 150, ratio: 1.5, lowest: 0.9, highest: 2 }]);
});
