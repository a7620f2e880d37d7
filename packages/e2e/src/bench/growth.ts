import { parseArgs } from "node:util";
import { type ClaimResponse, claimPath, eventsPath, type Verification } from "@sandi/contracts";
import { rollUpCounts } from "@sandi/edge/setup";
import { startTestEdge, type TestEdge } from "../edge.ts";
import { loadAverage, percentile, print } from "./figures.ts";
import { growthReads, type Read } from "./growth-reads.ts";
import { fillRows } from "./growth-rows.ts";

/** The goal for every list and every call of analytics. */
const goalMs = 40;
const countsAtOnce = 100_000;
const code = "739154";

/** The time of each request, and the CPU time of this process: the database's and the client's. */
interface Sample {
  ms: number;
  cpuMs: number;
}
type Samples = Map<string, Sample[]>;

/**
 * Compares every list filter and every call of analytics, and the way of a code, on an empty database and on one with
 * many rows. The Worker runs in workerd, libSQL and Redis in this process.
 */
export async function benchGrowth(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      rows: { type: "string", default: "1000000" },
      times: { type: "string", default: "20" },
      json: { type: "boolean", default: false },
    },
  });
  const [rows, times] = [Number(values.rows), Number(values.times)];
  const say = (line: string) => values.json || print(line);
  say(`load average ${loadAverage()} before`);
  const edge = await startTestEdge();
  try {
    await oneCode(edge, 0);
    const reads = await growthReads(edge);
    const empty = await measure(edge, reads, times);
    const startedAt = performance.now();
    await fill(edge, rows);
    say(`${rows} verifications and messages and ${rows * 3} events in ${seconds(startedAt)} s`);
    const full = await measure(edge, reads, times);
    const calls = [...full].map(([call, samples]) => ({ call, empty: empty.get(call) ?? [], full: samples }));
    calls.sort((a, b) => times95(b.full) - times95(a.full));
    if (values.json) print(JSON.stringify({ rows, slowest: calls.map(jsonOf) }));
    else table(calls);
    say(`load average ${loadAverage()} after`);
  } finally {
    await edge.stop();
  }
}

async function fill({ client, workspaceId, sessionId }: TestEdge, rows: number): Promise<void> {
  await fillRows({ client, rows, workspaceId, sessionId, now: Date.now() });
  while ((await rollUpCounts(client, countsAtOnce)) === countsAtOnce);
}

async function measure(edge: TestEdge, reads: readonly Read[], times: number): Promise<Samples> {
  const samples: Samples = new Map();
  const timed = async <T>(name: string, ask: () => Promise<{ status: number; body: T }>): Promise<T> => {
    const [at, cpu] = [performance.now(), process.cpuUsage()];
    const { status, body } = await ask();
    // A read that takes too long is answered 503: the report shows its time.
    if (status >= 300 && status !== 503) throw new Error(`${name}: ${status} ${JSON.stringify(body)}`);
    const { user, system } = process.cpuUsage(cpu);
    const sample = { ms: performance.now() - at, cpuMs: (user + system) / 1000 };
    samples.set(name, [...(samples.get(name) ?? []), sample]);
    return body;
  };
  for (let i = 0; i < times; i++) {
    for (const { call, request, body } of reads) await timed(call, () => edge.api(request, body));
    await oneCode(edge, i, timed);
    await timed("cron", async () => {
      await edge.runCron();
      return { status: 200, body: {} };
    });
  }
  return samples;
}

type Timed = <T>(name: string, ask: () => Promise<{ status: number; body: T }>) => Promise<T>;
const untimed: Timed = async (_, ask) => (await ask()).body;

/** The way of a code: created, claimed, sent, delivered, read, looked at and checked. */
async function oneCode(edge: TestEdge, index: number, timed: Timed = untimed): Promise<void> {
  const { sessionId } = edge;
  const to = `+62813${10_000_000 + index}`;
  const created = await timed("POST /v1/verifications", () =>
    edge.api<Verification>("POST /v1/verifications", { to, code }),
  );
  const messageId = created.delivery?.messageId ?? "";
  await timed("claim", () =>
    edge.asConnector<ClaimResponse>(claimPath, { connectorId: "test", claims: [{ messageId, sessionId, fence: 1 }] }),
  );
  const at = new Date().toISOString();
  const events = ["message.sent", "message.delivered", "message.read"].map((type, i) => {
    const seq = 10 + Math.floor(performance.now() * 100) * 10 + i;
    return { id: `evt_${String(seq).padStart(26, "0")}`, seq, sessionId, at, type, messageId };
  });
  await timed("events", () => edge.asConnector(eventsPath, { connectorId: "test", events }));
  const path = `/v1/verifications/${created.id}`;
  await timed("GET /v1/verifications/{id}", () => edge.api(`GET ${path}`));
  await timed("GET /v1/verifications/{id}/events", () => edge.api(`GET ${path}/events`));
  await timed("POST /v1/verifications/{id}/check", () => edge.api(`POST ${path}/check`, { code }));
}

interface Compared {
  call: string;
  empty: Sample[];
  full: Sample[];
}

const timesOf = (samples: Sample[]) => samples.map(({ ms }) => ms);
const times95 = (samples: Sample[]) => percentile(timesOf(samples), 0.95);
const cpuOf = (samples: Sample[]) =>
  percentile(
    samples.map(({ cpuMs }) => cpuMs),
    0.5,
  );

const jsonOf = ({ call, empty, full }: Compared) => ({
  call,
  p95Empty: Math.round(times95(empty) * 10) / 10,
  p95Full: Math.round(times95(full) * 10) / 10,
});

const show = (ms: number) => ms.toFixed(1).padStart(8);

const figures = (samples: Sample[]) =>
  `${show(percentile(timesOf(samples), 0.5))}${show(times95(samples))}${show(cpuOf(samples))}`;

function table(calls: readonly Compared[]): void {
  print("\n   empty p50     p95     CPU    full p50     p95     CPU of the database and the client, p50, in ms");
  for (const { call, empty, full } of calls) print(`${figures(empty)}    ${figures(full)}  ${call}`);
  const slow = calls.filter(({ full }) => times95(full) > goalMs).length;
  print(`\n${slow} of ${calls.length} calls are above ${goalMs} ms`);
}

const seconds = (since: number) => ((performance.now() - since) / 1000).toFixed(0);
