import { execFile } from "node:child_process";
import { join, resolve } from "node:path";
import { parseArgs, promisify } from "node:util";
import { loadAverage, percentile, print } from "./figures.ts";
import type { OtpReport } from "./otp.ts";

const usage = "usage: pnpm bench compare <checkout A> <checkout B> [--rounds 5] [--otps 640]";

/**
 * Runs `bench otp --json` in two checkouts by turns, because a machine is never equally quiet for long. Prints the median
 * of each figure, and of the ratios of the pairs, with the lowest and the highest ratio.
 */
export async function benchCompare(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { rounds: { type: "string", default: "5" }, otps: { type: "string", default: "640" } },
  });
  const [a, b, ...others] = positionals;
  if (!a || !b || others.length > 0 || !(Number(values.rounds) >= 1)) throw new Error(usage);
  const pairs: [Row, Row][] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    // The order changes, so that neither checkout always runs after the other.
    const turns = round % 2 === 0 ? [a, b] : [b, a];
    const rows = new Map<string, Row>();
    for (const checkout of turns) rows.set(checkout, rowOf(await runOtp(checkout, values.otps)));
    pairs.push([rows.get(a)!, rows.get(b)!]);
    print(`round ${round + 1} of ${values.rounds}, load average ${loadAverage()}`);
  }
  print(`\nA ${resolve(a)}\nB ${resolve(b)}\n`);
  print(["", "A", "B", "B / A", "lowest", "highest"].map(cell).join(""));
  for (const { name, a: ofA, b: ofB, ratio, lowest, highest } of compared(pairs)) {
    print([name, ...[ofA, ofB, ratio, lowest, highest].map((value) => value.toFixed(2))].map(cell).join(""));
  }
}

const cell = (text: string, column: number) => (column === 0 ? text.padEnd(34) : text.padStart(10));

async function runOtp(checkout: string, otps: string): Promise<OtpReport> {
  const main = join(resolve(checkout), "packages/e2e/src/bench/main.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [main, "otp", "--json", "--otps", otps], {
    cwd: resolve(checkout),
  });
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as OtpReport;
}

/** Figures by name. */
export type Row = Record<string, number>;

function rowOf(report: OtpReport): Row {
  const { bareBaileys: bare } = report;
  const rows: Row = {};
  for (const [clients, figures] of [
    ["16 clients", report],
    ["1 client", report.one],
  ] as const) {
    const { edge, connector, simulator, emulators } = figures.cpuMsPerCode;
    rows[`${clients}: codes/s`] = figures.codesPerSecond;
    rows[`${clients}: CPU ms, edge`] = edge;
    rows[`${clients}: CPU ms, connector`] = connector;
    rows[`${clients}: CPU ms, simulator`] = simulator;
    rows[`${clients}: CPU ms, emulators`] = emulators;
    rows[`${clients}: CPU ms, all`] = edge + connector + simulator + emulators;
    rows[`${clients}: CPU, own / bare`] = (edge + connector) / bare.cpuMsPerMessage;
    rows[`${clients}: CPU, all / bare`] = (edge + connector + simulator + emulators) / bare.cpuMsPerMessage;
    for (const step of ["accepted", "phone", "check"] as const) {
      rows[`${clients}: ${step} p50, ms`] = figures.p50[step];
      rows[`${clients}: ${step} p99, ms`] = figures.p99[step];
    }
  }
  rows["bare Baileys: messages/s"] = bare.messagesPerSecond;
  rows["bare Baileys: CPU ms"] = bare.cpuMsPerMessage;
  return rows;
}

/** The medians of both sides and of the pairs' ratios. */
export function compared(pairs: readonly [Row, Row][]) {
  return Object.keys(pairs[0]?.[0] ?? {}).map((name) => {
    const a = pairs.map(([row]) => row[name] ?? Number.NaN);
    const b = pairs.map(([, row]) => row[name] ?? Number.NaN);
    const ratios = b.map((value, i) => value / (a[i] ?? Number.NaN));
    return {
      name,
      a: percentile(a, 0.5),
      b: percentile(b, 0.5),
      ratio: percentile(ratios, 0.5),
      lowest: Math.min(...ratios),
      highest: Math.max(...ratios),
    };
  });
}
