import { expect, it } from "vitest";
import { type RequestUse, useOfOneCode } from "../src/code-use.ts";
import { readPages, rowsOf, section } from "../src/pages.ts";

/** The page may round up: this share of a number must be used. */
const usedShare = 0.75;

it("a code costs what the page about performance says", async () => {
  const page = readPages().find(({ path }) => path === "docs/performance.md");
  const rows = rowsOf(section(page?.text ?? "", "What a code costs"));
  const stated = new Map(rows.map(([name = "", ...cells]) => [name, cells.map((cell) => Number(cell))]));
  const used = Object.entries(await useOfOneCode());
  // Only a real database server counts rows.
  const isCounted = used.every(([, { rowsRead }]) => rowsRead !== undefined);
  expect(used.map(([name]) => name)).toEqual(["create", "claim", "report", "check"]);
  for (const [name, use] of used) {
    const numbers = numbersOf(use).slice(0, isCounted ? undefined : -2);
    const allowed = (stated.get(name) ?? []).slice(0, numbers.length);
    const isTrue = (number: number, i: number) => {
      const most = allowed[i] ?? Number.NaN;
      return number <= most && number >= most * usedShare;
    };
    expect([name, numbers, numbers.every(isTrue) ? "as stated" : allowed]).toEqual([name, numbers, "as stated"]);
  }
}, 60_000);

const numbersOf = ({ subrequests, statements, sqlBytes, rowsRead = 0, rowsWritten = 0 }: RequestUse) => [
  subrequests.libsql,
  subrequests.redis,
  subrequests.qstash,
  statements,
  sqlBytes,
  rowsRead,
  rowsWritten,
];
