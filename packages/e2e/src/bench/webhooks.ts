import { parseArgs } from "node:util";
import { latencies, loadAverage, percentile, print, usageOf, workerdPids } from "./figures.ts";
import { startWebhookLoad, type WebhookLoad } from "./webhook-load.ts";

/** With so many webhooks or more, one of them is then dead and one answers after 14 s. */
const mostAlone = 3;
const slowMs = 14_000;
const perBatch = 50;
const singleEvents = 50;

interface Figures {
  deliveriesPerSecond: number;
  p50: number;
  p99: number;
  /** CPU milliseconds of each process. */
  cpuMsPerDelivery: { edge: number; others: number };
}

/**
 * Measures webhooks from the connector's report to a receiver on this machine: throughput, time and CPU. With several
 * webhooks also how much longer it takes while one of them is dead and one is slow.
 */
export async function benchWebhooks(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      endpoints: { type: "string", default: "1" },
      events: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const endpoints = Number(values.endpoints);
  const events = Number(values.events ?? Math.max(5, Math.round(2_000 / endpoints)));
  const say = (line: string) => values.json || print(line);
  say(`load average ${loadAverage()} before`);
  const load = await startWebhookLoad(endpoints);
  try {
    const isOther = (path: string) => endpoints < mostAlone || !["/0", "/1"].includes(path);
    await load.report({ events: Math.min(events, 20), perBatch, from: isOther });
    const single: number[] = [];
    for (let i = 0; i < Math.min(events, singleEvents); i++) {
      single.push(...(await load.report({ events: 1, perBatch, from: isOther })));
    }
    const alone = await measure(load, { events, from: isOther });
    say(`${endpoints} webhooks, ${events} events`);
    say(`  one event at a time   ${latencies(single)}`);
    say(`  all at once           ${latencies(alone.taken)}`);
    say(`  ${lineOf(alone.figures)}`);
    if (endpoints < mostAlone) {
      if (values.json) print(JSON.stringify({ ...alone.figures, one: timesOf(single), loadAverage: loadAverage() }));
      return;
    }
    load.answers["/0"] = (response) => void response.destroy();
    load.answers["/1"] = (response) => void setTimeout(() => response.writeHead(204).end(), slowMs);
    const beside = await measure(load, { events, from: isOther });
    const ratio = (share: number) => percentile(beside.taken, share) / percentile(alone.taken, share);
    say(`the others while one is dead and one answers after ${slowMs / 1000} s`);
    say(`  ${lineOf(beside.figures)}`);
    say(`  ${latencies(beside.taken)}`);
    say(`  beside / alone   ${ratio(0.5).toFixed(2)} at p50, ${ratio(0.99).toFixed(2)} at p99`);
    say(`load average ${loadAverage()} after`);
    if (values.json) {
      const one = timesOf(single);
      const ratios = { p50: ratio(0.5), p99: ratio(0.99) };
      print(JSON.stringify({ ...alone.figures, one, beside: beside.figures, ratios, loadAverage: loadAverage() }));
    }
  } finally {
    await load.stop();
  }
}

async function measure(load: WebhookLoad, { events, from }: { events: number; from: (path: string) => boolean }) {
  const before = cpu();
  const startedAt = performance.now();
  const taken = await load.report({ events, perBatch, from });
  const seconds = (performance.now() - startedAt) / 1000;
  const after = cpu();
  const figures: Figures = {
    deliveriesPerSecond: taken.length / seconds,
    ...timesOf(taken),
    cpuMsPerDelivery: {
      edge: (after.edge - before.edge) / taken.length,
      others: (after.others - before.others) / taken.length,
    },
  };
  return { taken, figures };
}

const timesOf = (samples: number[]) => ({ p50: percentile(samples, 0.5), p99: percentile(samples, 0.99) });

/** Of the Worker, and of this process with QStash, the database, Redis and the receiver. */
const cpu = () => ({
  edge: workerdPids().reduce((sum, pid) => sum + (usageOf(pid)?.cpuMs ?? 0), 0),
  others: usageOf(process.pid)?.cpuMs ?? 0,
});

const lineOf = ({ deliveriesPerSecond, cpuMsPerDelivery: { edge, others } }: Figures) =>
  `${deliveriesPerSecond.toFixed(0)} deliveries/s, CPU each: edge ${edge.toFixed(2)} ms, QStash, database and receiver ${others.toFixed(2)} ms`;
