import { describe, expect, it } from "vitest";
import { createExporter, createTracer, type EndedSpan, parseOtlpHeaders, parseTraceparent } from "../src/index.ts";

const at = new Date("2026-11-21T08:00:00.000Z");
const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));

function recording(ratio = 1) {
  const ended: EndedSpan[] = [];
  return { ended, tracer: createTracer({ now: () => at, random, ratio, onEnd: (span) => ended.push(span) }) };
}

const trace = (flags: string) => parseTraceparent(`00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-${flags}`);

describe("a tracer", () => {
  it("begins a trace, and continues it in the spans that follow from it", () => {
    const { ended, tracer } = recording();
    const first = tracer.start("first", { kind: "server", attributes: { a: 1 } });
    const second = tracer.start("second", { parent: first.context });
    second.end({ error: "refused" });
    first.set({ b: "two" });
    first.end();
    first.end();
    expect(ended.map(({ name }) => name)).toEqual(["second", "first"]);
    expect(ended[0]).toMatchObject({
      traceId: first.context.traceId,
      parentId: first.context.spanId,
      error: "refused",
    });
    expect(ended[1]).toMatchObject({ parentId: undefined, kind: "server", attributes: { a: 1, b: "two" } });
    expect(first.context.spanId).not.toBe(second.context.spanId);
  });

  it("records the traces that were sampled elsewhere, whatever the ratio is", () => {
    const none = recording(0);
    none.tracer.start("chosen", { parent: trace("01") }).end();
    none.tracer.start("own").end();
    const all = recording(1);
    all.tracer.start("not chosen", { parent: trace("00") }).end();
    expect([none.ended.map(({ name }) => name), all.ended]).toEqual([["chosen"], []]);
  });

  it("samples about the share of new traces that the ratio says", () => {
    const { ended, tracer } = recording(0.25);
    for (let i = 0; i < 4000; i++) tracer.start("own").end();
    expect(ended.length).toBeGreaterThan(800);
    expect(ended.length).toBeLessThan(1200);
  });

  it("that records nothing passes on traces unchanged", () => {
    const tracer = createTracer({ now: () => at, random, ratio: 1 });
    const parent = parseTraceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")!;
    expect(tracer.start("first", { parent }).context).toEqual(parent);
    expect(tracer.start("own").context).toMatchObject({ isSampled: false });
  });

  it("exports the tracestate of another vendor, and passes it on", () => {
    const { ended, tracer } = recording();
    const parent = { ...parseTraceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")!, state: "a=1" };
    const first = tracer.start("first", { parent });
    tracer.start("second", { parent: first.context }).end();
    first.end();
    expect(ended.map(({ state }) => state)).toEqual(["a=1", "a=1"]);
    expect(first.context.state).toBe("a=1");
  });
});

function collecting(answers: (number | Error)[], room?: number) {
  const requests: { url: string; headers: Headers; body: OtlpBody }[] = [];
  const outages: unknown[] = [];
  const fetch = (url: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const answer = answers.shift() ?? 200;
    if (answer instanceof Error) return Promise.reject(answer);
    const body = JSON.parse(init?.body as string) as OtlpBody;
    requests.push({ url: url as string, headers: new Headers(init?.headers), body });
    return Promise.resolve(new Response(null, { status: answer }));
  };
  const exporter = createExporter({
    endpoint: "http://collector/base/",
    headers: { "x-key": "k" },
    resource: { "service.name": "test" },
    fetch,
    onOutage: (cause) => outages.push(cause),
    ...(room === undefined ? {} : { room }),
  });
  const tracer = createTracer({ now: () => at, random, ratio: 1, onEnd: (span) => exporter.add(span) });
  const names = () => requests.map(({ body }) => body.resourceSpans[0]!.scopeSpans[0]!.spans.map(({ name }) => name));
  return { requests, outages, exporter, tracer, names };
}

describe("the exporter", () => {
  it("posts OTLP's JSON", async () => {
    const { requests, exporter, tracer } = collecting([]);
    const parent = { traceId: "a".repeat(32), spanId: "b".repeat(16), isSampled: true, state: "v=1" };
    const attributes = { text: "x", count: 2, share: 0.5, is: true, none: undefined };
    tracer.start("work", { parent, kind: "consumer", attributes }).end({ error: "refused" });
    await exporter.flush();
    expect([requests[0]!.url, requests[0]!.headers.get("x-key"), requests[0]!.headers.get("content-type")]).toEqual([
      "http://collector/base/v1/traces",
      "k",
      "application/json",
    ]);
    expect(requests[0]!.body).toEqual({
      resourceSpans: [
        {
          resource: { attributes: [{ key: "service.name", value: { stringValue: "test" } }] },
          scopeSpans: [
            {
              scope: { name: "sandi" },
              spans: [
                {
                  traceId: "a".repeat(32),
                  spanId: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
                  parentSpanId: "b".repeat(16),
                  traceState: "v=1",
                  name: "work",
                  kind: 5,
                  startTimeUnixNano: `${at.getTime()}000000`,
                  endTimeUnixNano: `${at.getTime()}000000`,
                  attributes: [
                    { key: "text", value: { stringValue: "x" } },
                    { key: "count", value: { intValue: "2" } },
                    { key: "share", value: { doubleValue: 0.5 } },
                    { key: "is", value: { boolValue: true } },
                  ],
                  status: { code: 2, message: "refused" },
                },
              ],
            },
          ],
        },
      ],
    });
  });

  it("sends many in batches, and nothing when there is nothing", async () => {
    const { exporter, tracer, names } = collecting([]);
    await exporter.flush();
    for (let i = 0; i < 600; i++) tracer.start(String(i)).end();
    await Promise.all([exporter.flush(), exporter.flush()]);
    expect(names().map(({ length }) => length)).toEqual([512, 88]);
    expect([exporter.waiting, exporter.dropped]).toEqual([0, 0]);
  });

  it("throws away and counts spans when its queue is full", async () => {
    const { exporter, tracer, names } = collecting([], 2);
    for (const name of ["a", "b", "c"]) tracer.start(name).end();
    expect([exporter.waiting, exporter.dropped]).toEqual([2, 1]);
    await exporter.flush();
    expect(names()).toEqual([["a", "b"]]);
  });

  it("keeps spans during an outage, reports the outage once, and continues", async () => {
    const { exporter, tracer, names, outages } = collecting([503, new Error("refused"), 200, 429]);
    tracer.start("a").end();
    await exporter.flush();
    tracer.start("b").end();
    await exporter.flush();
    expect([exporter.waiting, outages.length]).toEqual([2, 1]);
    await exporter.flush();
    expect([names().at(-1), exporter.waiting, exporter.dropped]).toEqual([["a", "b"], 0, 0]);
    tracer.start("c").end();
    await exporter.flush();
    expect([exporter.waiting, outages.length]).toEqual([1, 2]);
  });

  it("throws away and counts spans that the collector refuses", async () => {
    const { exporter, tracer, outages } = collecting([400]);
    tracer.start("a").end();
    await exporter.flush();
    expect([exporter.waiting, exporter.dropped, String(outages[0])]).toEqual([
      0,
      1,
      "Error: the collector answered 400",
    ]);
  });
});

describe("OTEL_EXPORTER_OTLP_HEADERS", () => {
  it("is a list of names and encoded values", () => {
    expect(parseOtlpHeaders("Authorization=Basic%20a%3D%3D, x-scope = s ,")).toEqual({
      authorization: "Basic a==",
      "x-scope": "s",
    });
    expect(() => parseOtlpHeaders("no value")).toThrow("not a list of name=value");
  });
});

interface OtlpBody {
  resourceSpans: { scopeSpans: { spans: { name: string }[] }[] }[];
}
