import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createClient } from "@libsql/client";
import { randomPorts } from "@sandi/local-stack";
import type { StatsSnapshot } from "@sandi/whatsapp-simulator";
import { eventually, type PhoneMessage, startTestStack, type TestStack } from "../harness.ts";
import { latencies, loadAverage, print, usageOf } from "./figures.ts";
import { inspectable } from "./inspect.ts";
import { addPhone, linkSessions } from "./linked-sessions.ts";
import { createHeapLooks, type HeapLook, heapVerdict } from "./soak-heap.ts";
import { type Accepted, runLoad } from "./soak-load.ts";

export interface SoakOptions {
  sessions: number;
  connectors: number;
  seconds: number;
  /** Each time a connector is killed with -9. Every second time it stays down until its leases have expired. */
  killEverySeconds: number;
  perSecond: number;
  recipients: number;
  log: (line: string) => void;
}

export interface SoakReport {
  accepted: number;
  refused: Map<string, number>;
  kills: number;
  /** Accepted, but neither on the phone nor approved. */
  lost: Accepted[];
  /** On the phone more than once. */
  twice: Accepted[];
  /** How the accepted ones ended. */
  statuses: Record<string, number>;
  devicesWithTwoOwners: number;
  duplicateDeliveries: number;
  undecryptable: number;
  /** Milliseconds from the create to WhatsApp's acknowledgement. */
  untilSent: number[];
  /** Seconds from a kill until every session is logged in again. */
  away: number[];
  /** Memory samples of all connector processes: seconds since the start, and megabytes. */
  memory: { age: number; rssMb: number }[];
  heap: HeapLook[];
}

const leaseSeconds = 15;
const sampleMs = 5_000;
const settleWithinMs = 180_000;

/** Sends mixed load to a fleet whose connectors are killed in turn; reports the end of every accepted message. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { log } = options;
  const { edge: inspectPort } = await randomPorts(options.connectors);
  const connectorEnv = (index: number) => ({ LOG_LEVEL: "warn", ...inspectable(inspectPort + index) });
  const stack = await startTestStack({ connectors: options.connectors, connectorEnv });
  try {
    const sessions = await linkSessions(stack, options.sessions);
    const recipients = Array.from({ length: options.recipients }, (_, i) => `+62817${String(i).padStart(7, "0")}`);
    for (const number of recipients) await addPhone(stack, number);
    log(`${options.sessions} sessions are linked, load average ${loadAverage()}`);
    const all = (await statsOf(stack)).sockets.loggedIn;
    const life = new AbortController();
    const report = { away: [] as number[], memory: [] as SoakReport["memory"], kills: 0 };
    const sampling = sample(stack, report.memory, life.signal);
    const heap = createHeapLooks(stack, inspectPort);
    await heap.look();
    const killing = killInTurn(stack, { ...options, all, report, look: heap.look, signal: life.signal });
    const load = await runLoad({ ...options, stack, sessions, recipients });
    life.abort();
    await Promise.all([sampling, killing]);
    await heap.look();
    log(`${load.accepted.length} accepted, ${report.kills} kills; waiting for running messages`);
    const ended = await settled(stack, load.accepted);
    const { lost, twice } = await compare(stack, recipients, { accepted: load.accepted, ended });
    const { devicesWithTwoOwners, duplicateDeliveries, undecryptable } = await statsOf(stack);
    const statuses: Record<string, number> = {};
    for (const { status } of ended.values()) statuses[status] = (statuses[status] ?? 0) + 1;
    return {
      ...report,
      heap: heap.looks,
      accepted: load.accepted.length,
      refused: load.refused,
      lost,
      twice,
      statuses,
      devicesWithTwoOwners,
      duplicateDeliveries,
      undecryptable,
      untilSent: [...ended.values()].flatMap(({ untilSent }) => untilSent ?? []),
    };
  } finally {
    await stack.destroy();
  }
}

interface Killing extends SoakOptions {
  all: number;
  report: Pick<SoakReport, "away" | "kills">;
  look: () => Promise<void>;
  signal: AbortSignal;
}

async function killInTurn(
  stack: TestStack,
  { killEverySeconds, all, report, look, signal, log }: Killing,
): Promise<void> {
  for (;;) {
    await sleep(killEverySeconds * 1000, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    await look();
    const at = performance.now();
    const child = stack.connectors[report.kills % stack.connectors.length]!;
    const staysDown = report.kills % 2 === 1;
    report.kills++;
    child.kill("SIGKILL");
    const deadline = at + (staysDown ? (leaseSeconds + 5) * 1000 : 0);
    while (performance.now() < deadline) {
      await sleep(200);
      child.kill("SIGKILL");
    }
    // No event says when the server has noticed the closed sockets. A connector may also have had none.
    await eventually("sockets to be gone", async () => (await statsOf(stack)).sockets.loggedIn < all, 5_000).catch(
      () => undefined,
    );
    await eventually("every session to be back", async () => (await statsOf(stack)).sockets.loggedIn >= all);
    report.away.push((performance.now() - at) / 1000);
    log(
      `connector ${report.kills} ${staysDown ? "down past its leases" : "killed"}: all back after ${report.away.at(-1)?.toFixed(1)} s`,
    );
    await look();
  }
}

async function sample(stack: TestStack, memory: SoakReport["memory"], signal: AbortSignal): Promise<void> {
  const bornAt = new Map<number, number>();
  while (!signal.aborted) {
    for (const { pid } of stack.connectors) {
      const usage = pid === undefined ? undefined : usageOf(pid);
      if (pid === undefined || !usage) continue;
      const now = performance.now();
      if (!bornAt.has(pid)) bornAt.set(pid, now);
      memory.push({ age: (now - (bornAt.get(pid) ?? now)) / 1000, rssMb: usage.rssMb });
    }
    await sleep(sampleMs, undefined, { signal }).catch(() => undefined);
  }
}

interface Ended {
  status: string;
  untilSent: number | null;
}

/** The end of every accepted message or inbound verification, read from the edge's database. */
async function settled(stack: TestStack, accepted: readonly Accepted[]): Promise<Map<string, Ended>> {
  const client = createClient(stack.libsql);
  const wanted = JSON.stringify(accepted.map(({ id }) => id));
  const look = async () => {
    const { rows } = await client.execute({
      sql: `SELECT coalesce(v.id, m.id) AS id, coalesce(m.status || coalesce(': ' || m.failure, ''), v.status) AS status,
              m.sent_at - m.created_at AS until_sent, coalesce(m.status IN ('queued', 'sending'), v.status = 'pending') AS is_open
            FROM json_each(?) AS item
            LEFT JOIN verification v ON v.id = item.value
            LEFT JOIN message m ON m.id = coalesce(v.message_id, item.value)`,
      args: [wanted],
    });
    return rows;
  };
  try {
    const deadline = Date.now() + settleWithinMs;
    let rows = await look();
    while (rows.some((row) => row["is_open"] === 1) && Date.now() < deadline) {
      await sleep(1000);
      rows = await look();
    }
    return new Map(
      rows.map(({ id, status, until_sent: ms }): [string, Ended] => [
        asText(id),
        { status: asText(status), untilSent: typeof ms === "number" ? ms : null },
      ]),
    );
  } finally {
    client.close();
  }
}

const asText = (value: unknown) => (typeof value === "string" ? value : "");

async function compare(
  stack: TestStack,
  recipients: readonly string[],
  { accepted, ended }: { accepted: readonly Accepted[]; ended: Map<string, Ended> },
): Promise<Pick<SoakReport, "lost" | "twice">> {
  const inboxes = new Map<string, PhoneMessage[]>();
  for (const number of recipients) inboxes.set(number, await stack.inbox(number));
  const shown = ({ recipient, mark }: Accepted) =>
    inboxes.get(recipient)?.filter(({ text }) => text.includes(mark)).length ?? 0;
  const isLost = (one: Accepted) =>
    one.kind === "inbound" ? ended.get(one.id)?.status !== "approved" : shown(one) === 0;
  return {
    lost: accepted.filter(isLost),
    twice: accepted.filter((one) => one.kind !== "inbound" && shown(one) > 1),
  };
}

async function statsOf({ simulatorUrl }: TestStack): Promise<StatsSnapshot> {
  return (await (await fetch(`${simulatorUrl ?? ""}/stats`)).json()) as StatsSnapshot;
}

/** `pnpm bench soak`. */
export async function benchSoak(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      sessions: { type: "string", default: "200" },
      connectors: { type: "string", default: "2" },
      minutes: { type: "string", default: "30" },
      "kill-every": { type: "string", default: "120" },
      rate: { type: "string", default: "10" },
      recipients: { type: "string", default: "400" },
    },
  });
  const report = await soak({
    sessions: Number(values.sessions),
    connectors: Number(values.connectors),
    seconds: Number(values.minutes) * 60,
    killEverySeconds: Number(values["kill-every"]),
    perSecond: Number(values.rate),
    recipients: Number(values.recipients),
    log: print,
  });
  print(`\naccepted ${report.accepted}, kills ${report.kills}`);
  for (const [why, count] of report.refused) print(`  refused ${count}: ${why}`);
  print(`lost ${report.lost.length}, seen twice ${report.twice.length}, two owners ${report.devicesWithTwoOwners}`);
  print(`ended as ${JSON.stringify(report.statuses)}`);
  print(`delivered again and folded by the phone ${report.duplicateDeliveries}, undecryptable ${report.undecryptable}`);
  print(`create to ack      ${latencies(report.untilSent)}`);
  print(`away after a kill  ${report.away.map((seconds) => seconds.toFixed(1)).join(" ")} s`);
  for (const line of memoryLines(report.memory)) print(line);
  print(heapVerdict(report.heap));
  print(`load average ${loadAverage()} after`);
}

/** The memory of connector processes by their age. */
function* memoryLines(memory: SoakReport["memory"]): Generator<string> {
  const byAge = Map.groupBy(memory, ({ age }) => Math.floor(age / 60));
  for (const [minute, samples] of [...byAge].toSorted(([a], [b]) => a - b)) {
    const mean = samples.reduce((sum, { rssMb }) => sum + rssMb, 0) / samples.length;
    yield `minute ${minute + 1} of a connector's life: RSS ${mean.toFixed(0)} MB`;
  }
}
