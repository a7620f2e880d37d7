/** The gate: everything that must hold before a change lands. `npm test` runs it, `npm test -- --quick` runs a part of it. */
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { check, closing, type Outcome, tests } from "./steps.ts";

type Step = () => Promise<Outcome>;

const checks: Step[] = [
  () => check("format", ["oxfmt", "--check", "."]),
  () => check("lint", ["oxlint", "--type-aware", "apps", "packages", ".ci"]),
  () => check("types", ["pnpm", "run", "types"]),
  () => check("boundaries", ["depcruise", "apps", "packages", "--config", ".dependency-cruiser.cjs"]),
];

const bundle = join(tmpdir(), `sandi-gate-${process.pid}-bundle`);
const maxBundleKib = 480;
const slowChecks: Step[] = [
  () => check("unused code", ["knip"]),
  () => check("worker bundle", ["wrangler", "deploy", "--dry-run", "--outdir", bundle], isSmall),
];

function isSmall(show: (line: string) => void): boolean {
  const kib = gzipSync(readFileSync(join(bundle, "index.js"))).length / 1024;
  rmSync(bundle, { recursive: true });
  show(`gzip: ${kib.toFixed(0)} KiB of ${maxBundleKib} KiB`);
  return kib <= maxBundleKib;
}

// Tests of these rooms compute. The others wait for processes and timers, so the two kinds run at the same time, and
// more of the others at once than there are cores.
const computing = ["edge", "contracts", "crypto", "libsql", "tracing"].map((room) => `@sandi/${room}`);
const projects = (mark: string) => computing.flatMap((name) => ["--project", `${mark}${name}`]);
const full: Step[][] = [
  [...checks, ...slowChecks, () => tests("tests, computing", ["--maxWorkers=50%", ...projects("")])],
  [() => tests("tests, waiting", [`--maxWorkers=${2 * availableParallelism()}`, ...projects("!")])],
];

const quickTests = () =>
  tests(
    "tests",
    [
      `--changed=${changedSince()}`,
      "--project=!@sandi/e2e",
      "--exclude=**/fuzz.test.ts",
      "--reporter=.ci/time-limit.ts",
    ],
    { mayBeNone: true },
  );
const leftOut =
  "unused code, worker bundle, tests of the whole stack (@sandi/e2e), fuzz.test.ts, tests of unchanged code";

/** Where this branch leaves the main one; on the main one: its last commit, so that only what is not committed counts. */
function changedSince(): string {
  return spawnSync("git", ["merge-base", "HEAD", "main"], { encoding: "utf8" }).stdout.trim() || "HEAD";
}

const isQuick = process.argv.includes("--quick");
const lanes = isQuick ? [checks, [quickTests]] : full;
const outcomes: Outcome[] = [];
await Promise.all(
  lanes.map(async (lane) => {
    for (const step of lane) outcomes.push(await step());
  }),
);

process.stdout.write("\n");
if (isQuick) process.stdout.write(`left out: ${leftOut}\n`);
for (const line of closing(outcomes)) process.stdout.write(`${line}\n`);
process.exitCode = outcomes.every(({ failures }) => failures.length === 0) ? 0 : 1;
