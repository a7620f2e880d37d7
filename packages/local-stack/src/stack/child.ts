import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

export interface ChildOptions {
  name: string;
  /** Arguments of Node. */
  args: string[];
  cwd: string;
  env: Record<string, string | undefined>;
  /** Resolves to true when the child is ready. Called until then, or until the time is over. */
  isReady: () => Promise<boolean>;
  readyWithinMs?: number;
  /** Takes each line of the child's output, and lines about the child. */
  log: (line: string) => void;
}

/** A process of the stack. It is started again when it dies. */
export interface Child {
  readonly pid: number | undefined;
  /** Kills the process as a crash does. It is started again. */
  kill(signal: NodeJS.Signals): void;
  /** Resolves when the current process is ready. */
  ready(): Promise<void>;
  /** Sends SIGTERM, then SIGKILL, to the process group. The process is not started again. */
  stop(graceMs: number): Promise<void>;
}

const firstDelayMs = 250;
const longestDelayMs = 10_000;
const steadyAfterMs = 20_000;

const alive = new Set<number>();
// The children have process groups of their own, so nothing else ends them when this process ends.
process.once("exit", () => {
  for (const pid of alive) killGroup(pid, "SIGKILL");
});

/** Starts Node in a process group of its own, so that its children end with it. Rejects when it does not get ready. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { name, log, readyWithinMs = 30_000 } = options;
  let running: ChildProcess | undefined;
  let stopping = false;
  let delayMs = firstDelayMs;
  let restart: NodeJS.Timeout | undefined;

  function launch() {
    const startedAt = Date.now();
    const child = spawn(process.execPath, options.args, {
      cwd: options.cwd,
      env: options.env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    running = child;
    if (child.pid !== undefined) alive.add(child.pid);
    for (const stream of [child.stdout, child.stderr]) forEachLine(stream, log);
    child.once("error", (error) => log(`could not be started: ${error.message}`));
    child.once("exit", (code, signal) => {
      killGroup(child.pid, "SIGKILL");
      alive.delete(child.pid ?? 0);
      if (stopping) return;
      if (Date.now() - startedAt > steadyAfterMs) delayMs = firstDelayMs;
      log(`died (${signal ?? `exit code ${code}`}); starting again in ${delayMs} ms`);
      restart = setTimeout(launch, delayMs);
      delayMs = Math.min(delayMs * 2, longestDelayMs);
    });
  }

  async function ready() {
    const deadline = Date.now() + readyWithinMs;
    while (!(await options.isReady().catch(() => false))) {
      if (stopping) throw new Error(`${name} was stopped`);
      if (Date.now() > deadline)
        throw new Error(`${name} is not ready after ${readyWithinMs / 1000} s. Its lines above say why`);
      await sleep(50);
    }
  }

  async function stop(graceMs: number) {
    stopping = true;
    clearTimeout(restart);
    const child = running;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    const inTime = await Promise.race([exited.then(() => true), sleep(graceMs, false, { ref: false })]);
    if (!inTime) killGroup(child.pid, "SIGKILL");
    await exited;
  }

  launch();
  try {
    await ready();
  } catch (error) {
    await stop(0);
    throw error;
  }
  return {
    get pid() {
      return running?.pid;
    },
    kill: (signal) => killGroup(running?.pid, signal),
    ready,
    stop,
  };
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group has ended already.
  }
}

function forEachLine(stream: NodeJS.ReadableStream, onLine: (line: string) => void) {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim()) onLine(line);
  });
  stream.on("end", () => {
    if (rest.trim()) onLine(rest);
  });
}
