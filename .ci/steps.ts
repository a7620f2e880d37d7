import { spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";

/** What a step found: the number of checks or tests that hold, and the names of those that fail. */
export interface Outcome {
  passed: number;
  failures: string[];
}

/** The part of Vitest's JSON report that the gate reads. */
interface Report {
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { fullName: string; status: string }[];
  }[];
}

const show = (name: string, line: string) => process.stdout.write(`${name.padEnd(16)} │ ${line}\n`);

/** Runs a command and prints its lines as they come, each behind the name of the step. Resolves with true for exit code 0. */
async function run(name: string, command: string, args: string[]): Promise<boolean> {
  const startedAt = performance.now();
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, WRANGLER_SEND_METRICS: "false" },
  });
  for (const stream of [child.stdout, child.stderr]) createInterface(stream).on("line", (line) => show(name, line));
  const isOk = await new Promise<boolean>((resolve) => {
    child.once("error", (error) => {
      show(name, error.message);
      resolve(false);
    });
    child.once("close", (code) => resolve(code === 0));
  });
  show(name, `${isOk ? "ok" : "FAILED"} after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  return isOk;
}

/** A check is one command. It holds when the command exits with 0 and what it made is right. */
export async function check(
  name: string,
  [command = "", ...args]: string[],
  isRight: (show: (line: string) => void) => boolean = () => true,
): Promise<Outcome> {
  const holds = (await run(name, command, args)) && isRight((line) => show(name, line));
  return holds ? { passed: 1, failures: [] } : { passed: 0, failures: [name] };
}

/** Runs Vitest. Each failed test is named by its file and its name; to run no test is a failure. */
export async function tests(name: string, args: string[], { mayBeNone = false } = {}): Promise<Outcome> {
  const file = join(tmpdir(), `sandi-gate-${process.pid}-${name.replaceAll(" ", "-")}.json`);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  const isOk = await run(name, "vitest", ["run", ...reporters, ...args]);
  const results = readReport(file).testResults;
  const passed = results.flatMap((each) => each.assertionResults).filter(({ status }) => status === "passed").length;
  const failures = results.flatMap(failuresOf);
  if (failures.length === 0 && !isOk) failures.push(`${name}: see its lines above`);
  if (failures.length === 0 && passed === 0 && !mayBeNone) failures.push(`${name}: ran no test`);
  return { passed, failures };
}

function failuresOf({ name, status, message, assertionResults }: Report["testResults"][number]): string[] {
  const file = relative(process.cwd(), name);
  const failed = assertionResults.filter((each) => each.status === "failed");
  // A file without tests and without a message was not reached before the time limit.
  const wasReached = assertionResults.length > 0 || message !== "";
  if (status === "failed" && failed.length === 0 && wasReached) return [`${file}: did not get ready`];
  return failed.map(({ fullName }) => `${file} > ${fullName}`);
}

function readReport(file: string): Report {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Report;
  } catch {
    return { testResults: [] };
  } finally {
    rmSync(file, { force: true });
  }
}

/** What failed, by name, and the closing line. */
export function closing(outcomes: readonly Outcome[]): string[] {
  const passed = outcomes.reduce((sum, each) => sum + each.passed, 0);
  const failures = outcomes.flatMap((each) => each.failures);
  return [...failures.map((each) => `failed: ${each}`), `${passed} passed, ${failures.length} failed`];
}
