import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { randomPorts } from "@sandi/local-stack";
import type { StatsSnapshot } from "@sandi/whatsapp-simulator";
import { eventually, startTestStack, type TestStack } from "../harness.ts";
import type { BareReport, BareRequest } from "./bare-baileys.ts";
import { loadAverage, print, usageOf } from "./figures.ts";
import { inspectable, liveHeapMb } from "./inspect.ts";
import { addPhone, linkSessions, scan } from "./linked-sessions.ts";

interface Held {
  rssMb: number;
  heapMb: number;
  emptyRssMb: number;
  cpuMsPerMinute: number;
}

interface Return {
  seconds: number;
  cpuMs: number;
}

const idleMs = 20_000;
const returnWithinMs = 180_000;

/**
 * Measures the memory and CPU of idle sessions, and the time until they are back after a kill -9. It compares the connector
 * with bare Baileys, one after the other on the same simulator.
 */
export async function benchSessions(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { idle: { type: "string", default: "500" }, back: { type: "string", default: "200" } },
  });
  for (const sessions of [Number(values.back), Number(values.idle)]) {
    print(`\n${sessions} sessions, load average ${loadAverage()}`);
    const { edge: inspectPort } = await randomPorts();
    const stack = await startTestStack({
      connectorEnv: () => ({ LOG_LEVEL: "warn", ...inspectable(inspectPort) }),
    });
    try {
      const bare = await measureBare(stack, sessions);
      const ours = await measureConnector(stack, sessions, inspectPort);
      const rows: [string, (one: { held: Held; back: Return }) => number, number][] = [
        ["RSS, MB", ({ held }) => held.rssMb, 0],
        ["RSS per session, KB", ({ held }) => ((held.rssMb - held.emptyRssMb) * 1024) / sessions, 0],
        ["live heap, MB", ({ held }) => held.heapMb, 0],
        ["live heap per session, KB", ({ held }) => (held.heapMb * 1024) / sessions, 0],
        ["idle CPU, ms a minute", ({ held }) => held.cpuMsPerMinute, 0],
        ["back after kill -9, s", ({ back }) => back.seconds, 1],
        ["CPU until back, s", ({ back }) => back.cpuMs / 1000, 1],
      ];
      print(`${"".padEnd(26)}${"connector".padStart(12)}${"Baileys".padStart(12)}${"ratio".padStart(8)}`);
      for (const [name, of, digits] of rows) {
        const [mine, theirs] = [of(ours), of(bare)];
        print(
          `${name.padEnd(26)}${mine.toFixed(digits).padStart(12)}${theirs.toFixed(digits).padStart(12)}${(mine / theirs).toFixed(2).padStart(8)}`,
        );
      }
      const { devicesWithTwoOwners } = await statsOf(stack);
      print(`devices with two owners: ${devicesWithTwoOwners}`);
    } finally {
      await stack.destroy();
    }
  }
  print(`load average ${loadAverage()} after`);
}

async function measureConnector(
  stack: TestStack,
  sessions: number,
  inspectPort: number,
): Promise<{ held: Held; back: Return }> {
  const emptyRssMb = usageOf(stack.connector.pid ?? 0)?.rssMb ?? 0;
  // The stack has linked one session already.
  await linkSessions(stack, sessions - 1);
  const held = { ...(await idle(stack.connector.pid ?? 0, inspectPort)), emptyRssMb };
  const before = stack.connector.pid;
  stack.connector.kill("SIGKILL");
  const pid = await eventually("another connector", async () => {
    const now = stack.connector.pid;
    return now !== before && now;
  });
  const back = await untilBack(stack, sessions, pid);
  return { held, back };
}

async function measureBare(stack: TestStack, sessions: number): Promise<{ held: Held; back: Return }> {
  const health = (await (await fetch(`${stack.simulatorUrl ?? ""}/health`)).json()) as {
    wsUrl: string;
    rootKey: string;
  };
  const others = (await statsOf(stack)).sockets.loggedIn;
  const numbers = Array.from({ length: sessions }, (_, i) => `+62816${String(i).padStart(7, "0")}`);
  for (const number of numbers) await addPhone(stack, number);
  const file = join(stack.dataFolder, "bare.json");
  const { edge: inspectPort } = await randomPorts();
  const start = () => {
    const env = { ...process.env, ...inspectable(inspectPort) };
    const child = fork(fileURLToPath(new URL("bare-baileys.ts", import.meta.url)), { env });
    child.on("message", (report: BareReport) => {
      if (report.type === "qr") void scan(stack, numbers[report.session] ?? "", report.qr);
    });
    return child;
  };
  const begin = (child: ChildProcess) => ask(child, { type: "start", ...health, file, sessions });
  let child = start();
  try {
    await sleep(1000);
    const emptyRssMb = usageOf(child.pid ?? 0)?.rssMb ?? 0;
    begin(child);
    await allIn(stack, sessions + others);
    const held = { ...(await idle(child.pid ?? 0, inspectPort)), emptyRssMb };
    ask(child, { type: "save" });
    await answer(child, "saved");
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await exited;
    await eventually("its sockets to close", async () => (await statsOf(stack)).sockets.loggedIn <= others);
    child = start();
    begin(child);
    return { held, back: await untilBack(stack, sessions + others, child.pid ?? 0) };
  } finally {
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await exited;
    await eventually("its sockets to close", async () => (await statsOf(stack)).sockets.loggedIn <= others);
  }
}

/** Measures the memory as it is, then collects garbage and measures the live heap. */
async function idle(pid: number, inspectPort: number): Promise<Omit<Held, "emptyRssMb">> {
  await sleep(idleMs / 2);
  const before = usageOf(pid)?.cpuMs ?? 0;
  await sleep(idleMs);
  const after = usageOf(pid);
  return {
    rssMb: after?.rssMb ?? 0,
    heapMb: await liveHeapMb(pid, inspectPort),
    cpuMsPerMinute: ((after?.cpuMs ?? 0) - before) * (60_000 / idleMs),
  };
}

async function untilBack(stack: TestStack, sessions: number, pid: number): Promise<Return> {
  const startedAt = performance.now();
  await allIn(stack, sessions);
  return { seconds: (performance.now() - startedAt) / 1000, cpuMs: usageOf(pid)?.cpuMs ?? 0 };
}

const allIn = (stack: TestStack, sessions: number) =>
  eventually(
    `${sessions} sessions to be logged in`,
    async () => (await statsOf(stack)).sockets.loggedIn >= sessions,
    returnWithinMs,
  );

async function statsOf({ simulatorUrl }: TestStack): Promise<StatsSnapshot> {
  return (await (await fetch(`${simulatorUrl ?? ""}/stats`)).json()) as StatsSnapshot;
}

const ask = (child: ChildProcess, request: BareRequest) => child.send(request);

function answer(child: ChildProcess, type: BareReport["type"]): Promise<void> {
  return new Promise((resolve) => {
    const listen = (report: BareReport) => {
      if (report.type !== type) return;
      child.off("message", listen);
      resolve();
    };
    child.on("message", listen);
  });
}
