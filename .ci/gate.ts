/** The gate: everything that must hold before a change lands. `npm test` runs it; it prints what failed and one closing line. */
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const report = join(tmpdir(), `sandi-gate-${process.pid}.json`);
const bundle = join(tmpdir(), `sandi-gate-${process.pid}-bundle`);
let passed = 0;
let failed = 0;

function step(name: string, command: string, args: string[]): boolean {
  process.stdout.write(`\n── ${name}\n`);
  const startedAt = Date.now();
  const { status } = spawnSync(command, args, {
    stdio: "inherit",
    env: { ...process.env, WRANGLER_SEND_METRICS: "false" },
  });
  process.stdout.write(
    `── ${name}: ${status === 0 ? "ok" : "FAILED"} after ${((Date.now() - startedAt) / 1000).toFixed(1)} s\n`,
  );
  return status === 0;
}

function check(name: string, command: string, args: string[]) {
  if (step(name, command, args)) passed++;
  else failed++;
}

function tests(name: string, args: string[]) {
  const ok = step(name, "vitest", [
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
    ...args,
  ]);
  const { numPassedTests = 0, numFailedTests = 0 } = readReport();
  passed += numPassedTests;
  failed += numFailedTests;
  if (!ok && numFailedTests === 0) failed++;
  if (ok && numPassedTests === 0) {
    process.stdout.write(`${name}: ran no test\n`);
    failed++;
  }
}

function readReport(): { numPassedTests?: number; numFailedTests?: number } {
  try {
    return JSON.parse(readFileSync(report, "utf8")) as { numPassedTests: number; numFailedTests: number };
  } catch {
    return {};
  } finally {
    rmSync(report, { force: true });
  }
}

check("format", "oxfmt", ["--check", "."]);
check("lint", "oxlint", ["--type-aware", "apps", "packages", ".ci"]);
check("types", "pnpm", ["run", "types"]);
check("boundaries", "depcruise", ["apps", "packages", "--config", ".dependency-cruiser.cjs"]);
check("unused code", "knip", []);
check("worker bundle", "wrangler", ["deploy", "--dry-run", "--outdir", bundle]);
try {
  const bytes = gzipSync(readFileSync(join(bundle, "index.js"))).length;
  process.stdout.write(`worker bundle, gzip: ${(bytes / 1024).toFixed(0)} KiB of 400 KiB\n`);
  if (bytes > 400 * 1024) failed++;
} catch {
  failed++;
}
rmSync(bundle, { recursive: true, force: true });
tests("tests of the rooms", ["--project", "!@sandi/e2e"]);
tests("tests of the whole", ["--project", "@sandi/e2e"]);

process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
