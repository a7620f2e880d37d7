import { deliverPath } from "@sandi/contracts";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Config } from "../src/config.ts";
import type { Job } from "../src/services.ts";
import { publish, publishAll } from "../src/upstash.ts";

const config = {
  PUBLIC_URL: "https://api.example.com",
  CONNECTOR_URL: "https://connector.example.com",
  QSTASH_URL: "https://qstash.example.com",
  QSTASH_TOKEN: "queue-token",
} as Config;
const connector = "https://connector.example.com/jobs/send";
const edge = `https://api.example.com${deliverPath}`;
const about = { messageId: "msg_1", sessionId: "ses_1", expiresAt: "2026-11-21T08:00:00.000Z" };
const code: Job = { kind: "send", body: { ...about, lane: "otp" }, deduplicationId: "msg_1.1" };
const bulk: Job = {
  kind: "send",
  body: { ...about, lane: "bulk", pacing: "careful" },
  deduplicationId: "msg_1.2",
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  tracestate: "vendor=1",
};
const single: Job = {
  kind: "send",
  body: { ...about, lane: "normal", pacing: "fast" },
  deduplicationId: "msg_1.3",
};
const alert: Job = { kind: "delivery", body: { deliveryId: "dlv_1" }, deduplicationId: "dlv_1.1", flowKey: "alc_1" };
const retries = {
  "content-type": "application/json",
  "upstash-method": "POST",
  "upstash-retries": "5",
  "upstash-retry-delay": "min(8000, 1000 * pow(2, retried))",
  "upstash-timeout": "30s",
};
const headersOf = {
  code: {
    ...retries,
    "upstash-deduplication-id": "msg_1.1",
    "upstash-flow-control-key": "send.otp.ses_1",
    "upstash-flow-control-value": "parallelism=64",
  },
  bulk: {
    ...retries,
    "upstash-deduplication-id": "msg_1.2",
    "upstash-flow-control-key": "send.bulk.ses_1",
    "upstash-flow-control-value": "parallelism=8,rate=20,period=1m",
    "upstash-forward-traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "upstash-forward-tracestate": "vendor=1",
  },
  alert: {
    ...retries,
    "upstash-deduplication-id": "dlv_1.1",
    "upstash-flow-control-key": "alc_1",
    "upstash-flow-control-value": "rate=20, period=60s",
  },
};

let asked: { url: string; headers: unknown; body: unknown }[];
let answers: Response[];
let status: number;
beforeEach(() => {
  [asked, answers, status] = [[], [], 200];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (url, init) => {
    asked.push({ url: url as string, headers: init?.headers, body: JSON.parse(init?.body as string) });
    const answer = new Response("{}", { status });
    answers.push(answer);
    return answer;
  });
});
afterEach(() => void vi.restoreAllMocks());

it("a job goes to QStash with its flow, its trace and its retries", async () => {
  for (const job of [code, bulk, alert]) await publish(config, job);
  const authorization = "Bearer queue-token";
  expect(asked).toEqual([
    {
      url: `https://qstash.example.com/v2/publish/${connector}`,
      headers: { ...headersOf.code, authorization },
      body: code.body,
    },
    {
      url: `https://qstash.example.com/v2/publish/${connector}`,
      headers: { ...headersOf.bulk, authorization },
      body: bulk.body,
    },
    {
      url: `https://qstash.example.com/v2/publish/${edge}`,
      headers: { ...headersOf.alert, authorization },
      body: alert.body,
    },
  ]);
});

it("and so does each of many in one request", async () => {
  await publishAll(config, [code, bulk, alert]);
  expect(asked.map(({ url }) => url)).toEqual(["https://qstash.example.com/v2/batch"]);
  const messages = asked[0]!.body as { destination: string; headers: object; body: string }[];
  expect(messages.map(({ destination }) => destination)).toEqual([connector, connector, edge]);
  expect(messages.map(({ headers }) => headers)).toEqual([headersOf.code, headersOf.bulk, headersOf.alert]);
  expect(messages.map(({ body }) => JSON.parse(body) as unknown)).toEqual([code.body, bulk.body, alert.body]);
});

it("the whole answer is read, because workerd closes the connection of an answer that is not", async () => {
  await publish(config, code);
  expect(answers.map(({ bodyUsed }) => bodyUsed)).toEqual([true]);
});

it("a single message says bulk in its body, for connectors that know no other lane, and its lane in a header", async () => {
  await publish(config, single);
  await publishAll(config, [single]);
  const [one, many] = asked as [(typeof asked)[0], (typeof asked)[0]];
  const body = { ...about, lane: "bulk", pacing: "fast" };
  const headers = {
    ...retries,
    "upstash-deduplication-id": "msg_1.3",
    "upstash-flow-control-key": "send.normal.ses_1",
    "upstash-flow-control-value": "parallelism=8,rate=360,period=1m",
    "upstash-forward-sandi-lane": "normal",
  };
  expect([one.body, one.headers]).toEqual([body, { ...headers, authorization: "Bearer queue-token" }]);
  expect(many.body).toEqual([{ destination: connector, headers, body: JSON.stringify(body) }]);
});

it("what QStash does not take is not published", async () => {
  status = 429;
  await expect(publish(config, code)).rejects.toThrow("QStash answered 429");
  await expect(publishAll(config, [code])).rejects.toThrow("QStash answered 429");
});
