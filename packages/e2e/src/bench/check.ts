import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Verification, VerificationResult } from "@sandi/contracts";
import { startTestEdge, type TestEdge } from "../edge.ts";
import { eventually } from "../harness.ts";
import type { CheckLoad, CheckLoadReport } from "./check-load.ts";
import { latencies, loadAverage, percentile, print, usageOf, workerdPids } from "./figures.ts";

/** The goals for two cores that run everything. */
const goals = { checksPerSecond: 1_600, checkP99Ms: 20, createP50Ms: 6 };
const code = "739154";
const batchSize = 500;

/**
 * Measures the time and CPU of creates and checks at the edge, beside a plain request without subrequests. The Worker runs
 * in workerd, libSQL and Redis in this process, the clients in another process. No message is sent.
 */
export async function benchCheck(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: "string", default: "6" },
      most: { type: "string", default: "6000" },
    },
  });
  const [seconds, most] = [Number(values.seconds), Number(values.most)];
  print(`load average ${loadAverage()} before`);
  const edge = await startTestEdge();
  try {
    const measured = new Map<string, CheckLoadReport>();
    const measure = async (name: string, load: Pick<CheckLoad, "requests" | "status"> & Partial<CheckLoad>) => {
      measured.set(name, await measureLoad(edge, { clients: 1, seconds, ...load }));
    };
    const plain = { requests: [{ method: "GET", path: "/health" }], status: 200, repeat: most };
    await runClients(edge, { requests: creates("warm", 300), status: 202, clients: 4, seconds: 5 });
    for (const clients of [1, 16]) {
      print(`\n${clients} client${clients === 1 ? "" : "s"}`);
      await measure(`plain ${clients}`, { ...plain, clients });
      await measure(`create ${clients}`, { requests: creates(`c${clients}`, most), status: 202, clients });
      await measure(`check ${clients}`, { requests: await checks(edge, `k${clients}`, most), status: 200, clients });
    }
    const counts = await countSubrequests();
    print(`\nsubrequests            create ${counts.create}   check ${counts.check}, all of them`);
    compare(measured);
    print(`load average ${loadAverage()} after`);
  } finally {
    await edge.stop();
  }
}

const numberOf = (index: number) => `+62813${String(10_000_000 + index)}`;

const creates = (purpose: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({
    method: "POST",
    path: "/v1/verifications",
    body: JSON.stringify({ to: numberOf(i), purpose }),
  }));

/** Checks with the right code, each of another verification. */
async function checks(edge: TestEdge, purpose: string, count: number) {
  const ids: string[] = [];
  while (ids.length < count) {
    const verifications = Array.from({ length: batchSize }, (_, i) => ({
      to: numberOf(ids.length + i),
      purpose,
      code,
    }));
    const { body } = await edge.api<{ results: VerificationResult[] }>("POST /v1/verifications/batch", {
      verifications,
    });
    ids.push(...body.results.map(({ verification }) => verification?.id ?? ""));
  }
  return ids.map((id) => ({ method: "POST", path: `/v1/verifications/${id}/check`, body: JSON.stringify({ code }) }));
}

/** Runs the load and prints latencies and the CPU time of each process. */
async function measureLoad(edge: TestEdge, load: Omit<CheckLoad, "url" | "headers">): Promise<CheckLoadReport> {
  const before = usages();
  const report = await runClients(edge, load);
  const after = usages();
  const { answered, seconds, cpuMs } = report;
  const cost = (ms: number) => `${(ms / answered.length).toFixed(2)} ms`;
  const costs = [
    `workerd ${cost(after.workerd - before.workerd)}`,
    `libSQL and Redis ${cost(after.here - before.here)}`,
    `clients ${cost(cpuMs)}`,
  ];
  const [first] = load.requests;
  const name = `${first?.method} ${first?.path.replace(/ver_[^/]+/, "{id}")}`;
  const rate = `${(answered.length / seconds).toFixed(0)}/s of ${answered.length}`;
  print(`  ${name.padEnd(34)}${latencies(answered)}`);
  print(`  ${rate.padEnd(34)}CPU each: ${costs.join(", ")}`);
  return report;
}

function runClients(edge: TestEdge, load: Omit<CheckLoad, "url" | "headers">): Promise<CheckLoadReport> {
  const child = fork(fileURLToPath(new URL("check-load.ts", import.meta.url)));
  return new Promise((resolve, reject) => {
    child.once("message", (report) => resolve(report as CheckLoadReport));
    child.once("exit", (exitCode) => exitCode !== 0 && reject(new Error(`the clients ended with code ${exitCode}`)));
    child.send({ ...load, url: edge.url, headers: { authorization: `Bearer ${edge.apiKey}` } });
  });
}

const usages = () => ({
  workerd: workerdPids().reduce((sum, pid) => sum + (usageOf(pid)?.cpuMs ?? 0), 0),
  here: usageOf(process.pid)?.cpuMs ?? 0,
});

/** Counts the subrequests of one create and one check, with those after the answer. */
async function countSubrequests(): Promise<{ create: number; check: number }> {
  let count = 0;
  let jobs = 0;
  const edge = await startTestEdge({
    onSubrequest(dependency) {
      count++;
      if (dependency === "qstash") jobs++;
      return undefined;
    },
  });
  const settled = (wanted: number) => eventually("the jobs to be published", async () => jobs === wanted);
  try {
    // The first job is the session's. After this request the key and the texts are cached.
    await edge.api("POST /v1/verifications", { to: numberOf(0), purpose: "warm" });
    await settled(2);
    count = 0;
    const { body } = await edge.api<Verification>("POST /v1/verifications", { to: numberOf(1), code });
    await settled(3);
    const create = count;
    count = 0;
    await edge.api(`POST /v1/verifications/${body.id}/check`, { code });
    return { create, check: count };
  } finally {
    await edge.stop();
  }
}

function compare(measured: Map<string, CheckLoadReport>): void {
  const of = (name: string) => measured.get(name) ?? { answered: [], seconds: Number.NaN };
  const checked = of("check 16");
  const rate = checked.answered.length / checked.seconds;
  const p99 = percentile(checked.answered, 0.99);
  const p50 = percentile(of("create 1").answered, 0.5);
  print("\nagainst the goals; above 1 is better");
  print(`  check, 16 clients      ${ratio(rate, goals.checksPerSecond)} of ${goals.checksPerSecond}/s`);
  print(`  check, 16 clients      ${ratio(goals.checkP99Ms, p99)} of p99 ${goals.checkP99Ms} ms`);
  print(`  create, 1 client       ${ratio(goals.createP50Ms, p50)} of p50 ${goals.createP50Ms} ms`);
  const plain = of("plain 16");
  print(`  a check costs as long as ${(plain.answered.length / plain.seconds / rate).toFixed(1)} plain requests\n`);
}

const ratio = (have: number, want: number) => (have / want).toFixed(2);
