import { createServer, type IncomingHttpHeaders } from "node:http";
import type { Verification } from "@sandi/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestEdge } from "../src/edge.ts";
import { eventually, startTestStack, type TestStack } from "../src/harness.ts";

interface OtlpSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: { key: string; value: { stringValue?: string } }[];
}

interface OtlpBody {
  resourceSpans: { resource: { attributes: OtlpSpan["attributes"] }; scopeSpans: { spans: OtlpSpan[] }[] }[];
}

/** An OpenTelemetry collector that keeps what it is sent. */
async function startCollector() {
  const requests: { path: string; headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      requests.push({ path: request.url ?? "", headers: request.headers, body: Buffer.concat(chunks).toString() });
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`,
    requests,
    /** Each with the service that it is of. */
    spans: () =>
      requests.flatMap(({ body }) =>
        (JSON.parse(body) as OtlpBody).resourceSpans.flatMap(({ resource, scopeSpans }) => {
          const service = resource.attributes.find(({ key }) => key === "service.name")?.value.stringValue ?? "";
          return scopeSpans[0]!.spans.map((span) => Object.assign(span, { service }));
        }),
      ),
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const callersSpan = "00f067aa0ba902b7";

describe("one OTP is one trace", () => {
  let stack: TestStack;
  let collector: Awaited<ReturnType<typeof startCollector>>;

  beforeAll(async () => {
    collector = await startCollector();
    const settings = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: "x-team=sandi",
      // Nothing but what callers ask to be recorded.
      OTEL_TRACES_SAMPLER_ARG: "0",
    };
    stack = await startTestStack({
      edgeEnv: { ...settings, LOG_REQUESTS: "all" },
      connectorEnv: () => ({ ...settings, LOG_LEVEL: "info" }),
    });
  });
  afterAll(async () => {
    await stack.destroy();
    await collector.close();
  });

  it("from the caller's span to the read receipt, each part below the one that caused it", async () => {
    await stack.sendCode(undefined, { purpose: "not-recorded" });
    const headers = { traceparent: `00-${traceId}-${callersSpan}-01` };
    const to = stack.local.userPhone;
    const { status, body } = await stack.api<Verification>("POST /v1/verifications", { to, purpose: "one" }, headers);
    expect(status).toBe(202);
    const names = ["event message.sent", "event message.delivered", "event message.read"];
    const all = await eventually("the whole trace", async () => {
      const known = new Set(collector.spans().map(({ name }) => name));
      return names.every((name) => known.has(name)) && known.has("send") && collector.spans();
    });

    expect(new Set(all.map((span) => span.traceId))).toEqual(new Set([traceId]));
    expect(new Set(all.map(({ spanId }) => spanId)).size).toBe(all.length);
    const byId = new Map(all.map((span) => [span.spanId, span]));
    const way = (name: string): string[] => {
      const steps: string[] = [];
      for (let span = all.find((each) => each.name === name); span; span = byId.get(span.parentSpanId ?? "")) {
        steps.unshift(`${span.service}: ${span.name}`);
        if (span.parentSpanId === callersSpan) steps.unshift("the caller");
      }
      return steps;
    };
    const toSend = [
      "the caller",
      "sandi-edge: POST /v1/verifications",
      "sandi-edge: publish message.send",
      "sandi-connector: send",
    ];
    for (const name of names) expect(way(name)).toEqual([...toSend, `sandi-edge: ${name}`]);
    for (const name of ["look up number", "wait for ack"]) {
      expect(way(name)).toEqual([...toSend, `sandi-connector: ${name}`]);
    }
    const claims = all.filter(({ name }) => name === "claim");
    expect(claims.map(({ service }) => service).toSorted()).toEqual(["sandi-connector", "sandi-edge"]);
    const [asked, given] = claims.toSorted((a, b) => a.service.localeCompare(b.service));
    expect(given!.parentSpanId).toBe(asked!.spanId);
    expect(all).toHaveLength(10);

    const { messageId } = body.delivery!;
    for (const span of all.filter(({ name }) => name !== "POST /v1/verifications")) {
      expect(span.attributes).toContainEqual({ key: "sandi.message.id", value: { stringValue: messageId } });
      expect(BigInt(span.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(span.startTimeUnixNano));
    }
    for (const { path, headers: sent } of collector.requests) {
      expect([path, sent["x-team"]]).toEqual(["/v1/traces", "sandi"]);
    }
  });

  it("names the trace in the lines of both sides, and nothing secret in either", async () => {
    const headers = { traceparent: `00-${traceId}-${callersSpan}-00` };
    const to = stack.local.userPhone ?? "";
    const { body } = await stack.api<Verification>("POST /v1/verifications", { to, purpose: "lines" }, headers);
    const { messageId } = body.delivery!;
    const lines = await eventually("the lines", async () => {
      const edge = stack.lines.find((line) => line.startsWith("edge {") && line.includes(traceId));
      const connector = stack.lines.find((line) => line.startsWith("connector ") && line.includes(messageId));
      return edge && connector && [edge.slice(5), connector.slice(10)].map((line) => JSON.parse(line) as object);
    });
    expect(lines[0]).toMatchObject({ traceId, method: "POST", route: "/v1/verifications", status: 202 });
    expect(lines[1]).toMatchObject({ traceId, messageId, outcome: "sent", attempt: 1 });
    const message = (await stack.inbox()).at(-1)!;
    const code = /[0-9]{6}/.exec(message.text)![0];
    const recorded = JSON.stringify(lines) + collector.requests.map(({ body: sent }) => sent).join();
    for (const secret of [to.slice(1), stack.local.apiKey, "Your"]) expect(recorded).not.toContain(secret);
    expect(recorded).not.toMatch(new RegExp(`(?<![0-9a-f])${code}(?![0-9a-f])`));
  });
});

it("a collector that is down delays no answer", async () => {
  const edge = await startTestEdge({ bindings: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" } });
  try {
    for (const purpose of ["one", "two", "three"]) {
      const { status } = await edge.api("POST /v1/verifications", { to: "+6281300000001", purpose });
      expect(status).toBe(202);
    }
  } finally {
    await edge.stop();
  }
});
