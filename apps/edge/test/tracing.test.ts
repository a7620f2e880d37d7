import { eventsPath } from "@sandi/contracts";
import { parseTraceparent } from "@sandi/tracing";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../src/config.ts";
import { runCron } from "../src/cron.ts";
import { type RequestLine, requestLog } from "../src/http/request-log.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const callersSpan = "00f067aa0ba902b7";
const traceparent = `00-${traceId}-${callersSpan}-01`;
const to = "+6281300000001";

let edge: Edge;
useEdge((started) => (edge = started));

interface Created {
  id: string;
  delivery: { messageId: string; sessionId: string };
}

async function create(headers: Record<string, string> = {}, body: Record<string, unknown> = {}): Promise<Created> {
  const answer = await edge.api<Created>("POST /v1/verifications", { to, ...body }, { headers });
  expect(answer.status).toBe(202);
  await edge.settled();
  return answer.body;
}

const spanNamed = (name: string) => edge.spans.find((span) => span.name === name)!;
const forwarded = () => edge.jobs.map((job) => ("traceparent" in job ? parseTraceparent(job.traceparent) : undefined));

describe("the trace of a request", () => {
  it("is the caller's, and continues with the message and its job", async () => {
    const sessionId = await edge.addSession();
    const { delivery } = await create({ traceparent, tracestate: "vendor=1" });
    const [row] = await edge.rows("SELECT traceparent FROM job");
    const [request, publish] = [spanNamed("POST /v1/verifications"), spanNamed("publish message.send")];
    expect(request).toMatchObject({ traceId, parentId: callersSpan, kind: "server", state: "vendor=1" });
    expect(request.attributes).toEqual({
      "http.request.method": "POST",
      "http.route": "/v1/verifications",
      "http.response.status_code": 202,
      "sandi.request.id": edge.requests[0]!.requestId,
      "sandi.workspace.id": edge.workspace.id,
      "sandi.key.id": edge.requests[0]!.keyId,
    });
    expect(parseTraceparent(String(row!["traceparent"]))).toEqual({ traceId, spanId: request.spanId, isSampled: true });
    expect(publish).toMatchObject({ traceId, parentId: request.spanId, kind: "producer", state: "vendor=1" });
    expect(publish.attributes).toEqual({ "sandi.message.id": delivery.messageId, "sandi.session.id": sessionId });
    expect(forwarded()).toEqual([{ traceId, spanId: publish.spanId, isSampled: true }]);
    // With the job, and nowhere else: it is what somebody else wrote.
    expect(edge.jobs).toMatchObject([{ tracestate: "vendor=1" }]);
    const tables = await edge.rows("SELECT name FROM sqlite_master WHERE type = 'table'");
    const all = await Promise.all(tables.map(({ name }) => edge.rows(`SELECT * FROM "${String(name)}"`)));
    expect(JSON.stringify(all)).not.toContain("vendor=1");
    expect(edge.requests[0]).toMatchObject({ traceId, route: "/v1/verifications", status: 202 });
  });

  it.each(["", "nonsense", `ff-${traceId}-${callersSpan}-01`, `00-${traceId}-${"0".repeat(16)}-01`])(
    "is a new one when the caller's is not valid: %j",
    async (given) => {
      await edge.addSession();
      await create({ traceparent: given, tracestate: "vendor=1" });
      const request = spanNamed("POST /v1/verifications");
      expect(request.traceId).not.toBe(traceId);
      expect([request.parentId, request.state]).toEqual([undefined, undefined]);
      expect(forwarded()[0]).toMatchObject({ traceId: request.traceId });
      expect(edge.jobs[0]).not.toHaveProperty("tracestate");
    },
  );

  it("is not recorded when the caller does not record it, and continues anyway", async () => {
    await edge.addSession();
    await create({ traceparent: traceparent.replace(/01$/, "00") });
    expect(edge.spans).toEqual([]);
    expect(forwarded()).toEqual([{ traceId, spanId: callersSpan, isSampled: false }]);
    expect(edge.requests[0]!.traceId).toBe(traceId);
  });

  it("is not recorded without a valid key or route", async () => {
    const headers = { traceparent };
    expect((await edge.api("GET /v1/messages/msg_1", undefined, { key: null, headers })).status).toBe(401);
    expect((await edge.api("GET /v1/nothing", undefined, { headers })).status).toBe(404);
    expect((await edge.api("GET /health")).status).toBe(200);
    expect(edge.spans).toEqual([]);
  });

  it("is the text message's too, and what the cron publishes again belongs to it", async () => {
    const sessionId = await edge.addSession();
    edge.queueIsDown = true;
    const body = { sessionId, to, type: "text", text: "hello" };
    expect((await edge.api("POST /v1/messages", body, { headers: { traceparent } })).status).toBe(202);
    await edge.settled();
    expect(spanNamed("publish message.send").error).toBe("not_published");
    edge.queueIsDown = false;
    await runCron(edge.services);
    expect(forwarded()).toEqual([{ traceId, spanId: spanNamed("POST /v1/messages").spanId, isSampled: true }]);
  });

  it("continues with claims and events of the message", async () => {
    const sessionId = await edge.addSession();
    const { delivery } = await create({ traceparent });
    const { messageId } = delivery;
    const connectors = `00-${traceId}-${"c".repeat(16)}-01`;
    const claims = [{ messageId, sessionId, fence: 1, traceparent: connectors }];
    expect((await edge.internal("/internal/messages/claim", { connectorId: "c", claims })).status).toBe(200);
    const events = ["message.sent", "message.delivered"].map((type, i) => ({
      id: `evt_${String(i).repeat(26)}`,
      seq: i + 1,
      sessionId,
      at: edge.services.now().toISOString(),
      type,
      messageId,
      traceparent: connectors,
    }));
    expect((await edge.internal(eventsPath, { connectorId: "c", events })).status).toBe(200);
    const later = edge.spans.slice(-3);
    expect(later.map(({ name }) => name)).toEqual(["claim", "event message.sent", "event message.delivered"]);
    for (const span of later) {
      expect(span).toMatchObject({ traceId, parentId: "c".repeat(16) });
      expect(span.attributes).toEqual({ "sandi.message.id": messageId, "sandi.session.id": sessionId });
    }
  });

  it("begins with what somebody wrote to a session, and the answer belongs to it", async () => {
    const sessionId = await edge.addSession();
    const { body } = await edge.api<{ inbound: { text: string } }>("POST /v1/verifications", {
      to,
      mode: "inbound",
      inboundVariant: "reply",
    });
    const token = /SV-([0-9a-z]+)/i.exec(JSON.stringify(body.inbound))![1]!;
    const event = { type: "message.received", from: to, token, isForwarded: false };
    const at = edge.services.now().toISOString();
    const events = [{ id: `evt_${"0".repeat(26)}`, seq: 1, sessionId, at, ...event }];
    expect((await edge.internal(eventsPath, { connectorId: "c", events })).status).toBe(200);
    await edge.settled();
    const [received, publish] = [spanNamed("event message.received"), spanNamed("publish message.send")];
    expect(publish).toMatchObject({ traceId: received.traceId, parentId: received.spanId });
    expect(forwarded()[0]).toMatchObject({ traceId: received.traceId });
  });

  it("holds ids and no number, code, text or key", async () => {
    await edge.addSession();
    const { id } = await create({ traceparent }, { companyName: "Private Ltd", metadata: { order: "secret-order" } });
    const code = await edge.codeOf(id);
    await edge.api(`POST /v1/verifications/${id}/check`, { code });
    const told = JSON.stringify([edge.spans, edge.requests]);
    for (const secret of [to.slice(1), "Private Ltd", "secret-order", edge.workspace.key, `"${code}"`]) {
      expect([secret, told.includes(secret)]).toEqual([secret, false]);
    }
  });
});

describe("the line about a request", () => {
  it("has ids, the route's pattern, the status and how long it took, and no query", async () => {
    await edge.addSession();
    const { id } = await create();
    await edge.api(`GET /v1/verifications/${id}?fields=secret`);
    await edge.api("GET /v1/nothing?secret=1", undefined, { key: null });
    expect(edge.requests.slice(1)).toEqual([
      {
        requestId: expect.stringMatching(/^req_/) as string,
        method: "GET",
        route: "/v1/verifications/:id",
        status: expect.any(Number) as number,
        ms: 0,
        workspaceId: edge.workspace.id,
        keyId: expect.stringMatching(/^key_/) as string,
        traceId: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      },
      expect.objectContaining({ method: "GET", route: "/*", status: 404, workspaceId: undefined, keyId: undefined }),
    ]);
    expect(JSON.stringify(edge.requests)).not.toContain("secret");
  });

  it.each([
    ["off", []],
    ["errors", [500, 503]],
    ["all", [200, 404, 500, 503]],
  ] as const)("is written as asked for: %s", (which, written) => {
    const lines: string[] = [];
    const log = requestLog(which, (line) => lines.push(line));
    for (const status of [200, 404, 500, 503]) log({ status } as RequestLine);
    expect(lines.map((line) => (JSON.parse(line) as RequestLine).status)).toEqual(written);
  });
});

it("settings that cannot be used are named, their values are not", () => {
  const settings = {
    OTEL_EXPORTER_OTLP_ENDPOINT: "collector",
    OTEL_EXPORTER_OTLP_HEADERS: "secret-token",
    OTEL_TRACES_SAMPLER_ARG: "2",
    LOG_REQUESTS: "some",
  };
  let said = "";
  try {
    parseConfig(settings);
  } catch (error) {
    said = String(error);
  }
  for (const name of Object.keys(settings)) expect(said).toContain(`${name}: `);
  expect(said).not.toContain("secret-token");
});
