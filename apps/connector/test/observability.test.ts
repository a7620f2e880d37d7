import { createClient } from "@libsql/client";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createMeter } from "../src/metrics.ts";
import { systemServices } from "../src/services.ts";
import { startTracing } from "../src/tracing.ts";
import { until } from "./support/fake-edge.ts";
import { newId, type Rig, sendJob, startRig } from "./support/rig.ts";

interface OtlpSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  attributes: { key: string; value: Record<string, unknown> }[];
  status: { message?: string };
}

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const jobSpan = "00f067aa0ba902b7";
const own = "+6281200000001";
const user = "+6281388887777";

let rig: Rig;
let sessionId: string;
let clockAheadMs = 0;
let exported: string[];
const spans = () =>
  exported.flatMap(
    (body) =>
      (JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: OtlpSpan[] }[] }[] }).resourceSpans[0]!
        .scopeSpans[0]!.spans,
  );

beforeAll(async () => {
  exported = [];
  rig = await startRig({
    environment: {
      LEASE_SECONDS: "3",
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector.test",
      OTEL_EXPORTER_OTLP_HEADERS: "x-key=k",
    },
    services: {
      now: () => new Date(Date.now() + clockAheadMs),
      fetch: (input, init) => {
        if (input !== "http://collector.test/v1/traces") return fetch(input, init);
        exported.push(init?.body as string);
        return Promise.resolve(new Response());
      },
    },
  });
  rig.simulator.createPhone({ number: user, receipts: "none" });
  sessionId = await rig.pair(own);
});
beforeEach(() => {
  exported = [];
  rig.log.splice(0);
});
afterAll(() => rig.close());

async function send(flags: string, to = user): Promise<string> {
  const messageId = newId("msg");
  await rig.edge.accept(messageId, { to, code: "739155" });
  const headers = { traceparent: `00-${traceId}-${jobSpan}-${flags}`, tracestate: "vendor=1" };
  expect((await rig.edge.deliver("/jobs/send", sendJob(messageId, sessionId), { headers })).status).toBe(200);
  return messageId;
}

const lineOf = (messageId: string) =>
  rig.log.map((line) => JSON.parse(line) as Record<string, unknown>).filter((line) => line["messageId"] === messageId);
const traceparentsOf = (messageId: string) =>
  rig.edge.events.flatMap((event) =>
    "messageId" in event && event.messageId === messageId ? [[event.type, event.traceparent]] : [],
  );

test("a job's trace continues in the claim, the look-up, the ack and the message's events", async () => {
  const messageId = await send("01");
  await until("its spans are exported", () => spans().some(({ name }) => name === "send"));
  const run = spans().find(({ name }) => name === "send");
  expect(run).toMatchObject({ traceId, parentSpanId: jobSpan, traceState: "vendor=1", kind: 5, status: {} });
  const parts = spans().filter(({ parentSpanId }) => parentSpanId === run!.spanId);
  expect(parts.map(({ name }) => name)).toEqual(["claim", "look up number", "wait for ack"]);
  expect(rig.edge.claims.at(-1)!.claims).toEqual([
    { messageId, sessionId, fence: expect.any(Number) as number, traceparent: `00-${traceId}-${parts[0]!.spanId}-01` },
  ]);
  await until("it is reported", () => traceparentsOf(messageId).length === 1);
  expect(traceparentsOf(messageId)).toEqual([["message.sent", `00-${traceId}-${run!.spanId}-01`]]);
});

test("receipts belong to the trace after a restart, too", async () => {
  rig.simulator.updatePhone(user, { online: false });
  const messageId = await send("01");
  await until("it is reported", () => traceparentsOf(messageId).length === 1);
  await rig.stop();
  await rig.start();
  await until("it is back", () => rig.simulator.phone(own).devices[0]!.connected);
  rig.simulator.updatePhone(user, { online: true, receipts: "read" });
  await until("it is read", () => traceparentsOf(messageId).length === 3);
  const reported = traceparentsOf(messageId);
  expect(reported.map(([type]) => type)).toEqual(["message.sent", "message.delivered", "message.read"]);
  expect(new Set(reported.map(([, traceparent]) => traceparent)).size).toBe(1);
  expect(reported[0]![1]).toContain(traceId);
});

test("an unsampled trace is passed on, and nothing is exported", async () => {
  const messageId = await send("00");
  await until("it is reported", () => traceparentsOf(messageId).length > 0);
  expect(traceparentsOf(messageId)[0]).toEqual(["message.sent", `00-${traceId}-${jobSpan}-00`]);
  expect(rig.edge.claims.at(-1)!.claims[0]).not.toHaveProperty("traceparent");
  expect(spans().some(({ name }) => name === "send")).toBe(false);
});

test("each message has one line, with its outcome, its trace and how long the parts took", async () => {
  const messageId = await send("00");
  const took = expect.any(Number) as number;
  expect(lineOf(messageId)).toEqual([
    expect.objectContaining({
      level: 30,
      msg: "sent",
      messageId,
      sessionId,
      traceId,
      outcome: "sent",
      attempt: 1,
      queueMs: took,
      claimMs: took,
      lookUpMs: took,
      ackMs: took,
      totalMs: took,
    }),
  ]);
  const failed = await send("00", "+6281399999999");
  expect(lineOf(failed)).toEqual([
    expect.objectContaining({ msg: "not sent", outcome: "not_on_whatsapp", traceId, attempt: 1 }),
  ]);
  await until("it is reported", () => traceparentsOf(failed).length === 1);
  expect(traceparentsOf(failed)).toEqual([["message.failed", `00-${traceId}-${jobSpan}-00`]]);
});

test("no number, code, text or key is in the spans or in the lines", async () => {
  await send("01");
  await send("01", "+6281399999999");
  await until("the spans are exported", () => spans().filter(({ name }) => name === "send").length === 2);
  expect(spans().find(({ status }) => status.message !== undefined)!.status.message).toBe("not_on_whatsapp");
  const reported = exported.join() + rig.log.join();
  const keys = ["STORE_KEYS", "QSTASH_CURRENT_SIGNING_KEY"].map((name) => rig.environment[name]!);
  for (const secret of ["739155", "Acme", "81388887777", "81399999999", "81200000001", "@s.whatsapp.net", ...keys]) {
    expect([secret, reported.includes(secret)]).toEqual([secret, false]);
  }
});

test("metrics show sends, keys, leases and the outbox, with Prometheus' naming and few labels", async () => {
  await send("00");
  const bulk = newId("msg");
  await rig.edge.accept(bulk, { to: user, text: "hello" });
  await rig.edge.deliver("/jobs/send", { ...sendJob(bulk, sessionId), lane: "bulk", pacing: "normal" });
  const text = await rig.metrics();
  const count = (name: string) => Number(new RegExp(`^${name}(?:_count)? (\\d+)$`, "m").exec(text)?.[1]);
  for (const name of [
    "turn_wait",
    "send",
    "accepted_to_ack",
    "claim",
    "look_up",
    "ack_wait",
    "outbox",
    "key_store_write",
  ]) {
    expect([name, count(`sandi_${name}_seconds`) > 0]).toEqual([name, true]);
  }
  for (const name of ["key_store_read_rows", "key_store_write_rows", "events_delivered"]) {
    expect([name, count(`sandi_${name}_total`) > 0]).toEqual([name, true]);
  }
  expect(text).toMatch(/^sandi_lease_changes_total\{change="taken"\} [1-9]/m);
  expect(text).toMatch(/^sandi_jobs_underway 0$/m);
  expect(text).toMatch(/^sandi_spans_dropped_total 0$/m);
  const series = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const labels = new Set(series.flatMap((line) => [...line.matchAll(/[{,]([a-z_]+)="/g)].map(([, name]) => name)));
  expect(["change", "kind", "lane", "le", "reason", "result", "state"]).toEqual(expect.arrayContaining([...labels]));
  for (const line of series) expect(line.split(" ")[0]).not.toMatch(/ses_|msg_|\d{8}/);
  const kinds = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, kind]) => `${kind} ${name}`);
  for (const kind of kinds) {
    expect(kind).toMatch(
      /^(counter sandi_[a-z_]+_total|histogram sandi_[a-z_]+_seconds|gauge sandi_[a-z_]+(?<!_total))$/,
    );
  }
});

test("a lease that was renewed late, and one that another took, are counted", async () => {
  const changes = async (change: string) =>
    Number(
      new RegExp(`^sandi_lease_changes_total{change="${change}"} (\\d+)$`, "m").exec(await rig.metrics())?.[1] ?? 0,
    );
  expect([await changes("renewed_late"), await changes("lost")]).toEqual([0, 0]);
  clockAheadMs += 4_000;
  await until("it is renewed", async () => (await changes("renewed_late")) === 1);
  const database = createClient({ url: rig.environment["LIBSQL_URL"]! });
  await database.execute(
    "UPDATE session SET fence = fence + 1, owner_run = 'other.1', lease_until = lease_until + 60000",
  );
  database.close();
  await until("the loss is noticed", async () => (await changes("lost")) === 1);
  expect(await rig.metrics()).not.toContain('sandi_sessions{state="online"}');
});

test("the process's own metrics show memory and the event loop", async () => {
  const { registry } = createMeter({ withProcess: true });
  const text = await registry.metrics();
  for (const name of [
    "process_resident_memory_bytes",
    "nodejs_heap_size_used_bytes",
    "nodejs_eventloop_lag_p50_seconds",
    "nodejs_eventloop_lag_p99_seconds",
  ]) {
    expect(text).toMatch(new RegExp(`^sandi_connector_${name} [0-9.e-]+$`, "m"));
  }
});

test("spans that the collector refuses are counted", async () => {
  const meter = createMeter({ withProcess: false });
  const tracing = startTracing(
    { otel: { endpoint: "http://collector.test", headers: {}, serviceName: "connector", ratio: 1 } },
    { ...systemServices, fetch: () => Promise.resolve(new Response(null, { status: 400 })) },
    { logger: pino({ level: "silent" }), run: "a.1", meter },
  );
  for (let i = 0; i < 3; i++) tracing.tracer.start("send", { kind: "consumer", attributes: {} }).end({});
  await tracing.stop();
  expect(await meter.registry.metrics()).toMatch(/^sandi_spans_dropped_total 3$/m);
});
