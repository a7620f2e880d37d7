import { describe, expect, it, vi } from "vitest";
import { parseRetryAfter } from "../src/qstash/duration.ts";
import { boundedDelay, defaultRetryDelay, parseRetryDelay } from "../src/qstash/expression.ts";
import { type Answering, aWhile, gate, openDestination, openQstash, until } from "./support/qstash.ts";

vi.spyOn(console, "error").mockImplementation(() => {});

const failing = (answer: Answering = { status: 500, body: "no" }) => openDestination(() => answer);
const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

describe("retries", () => {
  it("come after 12 s, 2 min 28 s, 30 min, 6 h and 24 h, and end in the dead letters", async () => {
    const { client, pass, happened } = await openQstash();
    const { url, calls } = await failing();
    const { messageId } = await client.publish({ url, retries: 5 });
    for (const [index, delay] of [
      12 * second,
      2 * minute + 28 * second,
      30 * minute + 8 * second,
      6 * hour + 7 * minute + 6 * second,
      24 * hour,
    ].entries()) {
      await happened("RETRY", index + 1);
      pass(delay - 1);
      await aWhile();
      expect(calls).toHaveLength(index + 1);
      pass(1);
      await until(() => calls.length === index + 2);
    }
    await until(async () => (await client.dlq.listMessages()).messages.length === 1);
    expect(calls.map(({ headers }) => headers["upstash-retried"])).toEqual(["0", "1", "2", "3", "4", "5"]);
    expect(new Set(calls.map(({ headers }) => headers["upstash-message-id"]))).toEqual(new Set([messageId]));
  });

  it("are three by default, and none with 0", async () => {
    const { client, pass, happened } = await openQstash();
    const [three, none] = [await failing(), await failing()];
    await client.publish({ url: none.url, retries: 0 });
    await happened("FAILED", 1);
    await client.publish({ url: three.url });
    for (const count of [1, 2, 3]) {
      await happened("RETRY", count);
      pass(24 * hour);
    }
    await happened("FAILED", 2);
    expect([three.calls.length, none.calls.length]).toEqual([4, 1]);
  });

  it("follow the expression of the message", async () => {
    const { client, pass, happened } = await openQstash();
    const { url, calls } = await failing();
    await client.publish({ url, retries: 4, retryDelay: "min(8000, 1000 * pow(2, retried))" });
    for (const [index, delay] of [1000, 2000, 4000, 8000].entries()) {
      await happened("RETRY", index + 1);
      pass(delay - 1);
      await aWhile();
      expect(calls).toHaveLength(index + 1);
      pass(1);
    }
    await until(() => calls.length === 5);
  });

  it("stop at the first success", async () => {
    const { client, pass, happened } = await openQstash();
    const { url, calls } = await openDestination((_, count) => ({ status: count < 3 ? 503 : 204 }));
    await client.publish({ url, retryDelay: "1000" });
    for (const count of [1, 2]) {
      await happened("RETRY", count);
      pass(second);
    }
    await happened("DELIVERED");
    pass(24 * hour);
    await aWhile();
    expect(calls).toHaveLength(3);
    expect((await client.dlq.listMessages()).messages).toEqual([]);
  });

  it("wait for the time in Retry-After", async () => {
    const { client, pass, happened } = await openQstash();
    const { url, calls } = await failing({ status: 429, headers: { "Retry-After": "70" } });
    await client.publish({ url, retryDelay: "1000" });
    await happened("RETRY");
    pass(69 * second);
    await aWhile();
    expect(calls).toHaveLength(1);
    pass(second);
    await until(() => calls.length === 2);
  });

  it("are skipped when the destination says that they are useless", async () => {
    const { client } = await openQstash();
    const { url } = await failing({ status: 489, headers: { "Upstash-NonRetryable-Error": "true" } });
    await client.publish({ url });
    await until(async () => (await client.dlq.listMessages()).messages[0]?.responseStatus === 489);
    const plain = await failing({ status: 489 });
    const { messageId } = await client.publish({ url: plain.url });
    await until(async () => (await client.logs({ filter: { state: "RETRY", messageId } })).logs.length === 1);
    expect((await client.dlq.listMessages()).messages.map(({ url: to }) => to)).toEqual([url]);
  });

  it("follow a redirect, a timeout and a refused connection, because none is a success", async () => {
    const { client } = await openQstash();
    const elsewhere = await openDestination();
    const { opened, open } = gate();
    const slow = await openDestination(() => opened.then(() => ({})));
    const redirecting = await failing({ status: 302, headers: { location: elsewhere.url } });
    const ids: string[] = [];
    for (const one of [
      { url: redirecting.url },
      { url: slow.url, headers: { "Upstash-Timeout": "20ms" } },
      { url: "http://127.0.0.1:9/" },
    ]) {
      ids.push((await client.publish(one)).messageId);
    }
    const errors = () =>
      Promise.all(
        ids.map(async (messageId) => (await client.logs({ filter: { state: "ERROR", messageId } })).logs[0]?.error),
      );
    await until(async () => (await errors()).every(Boolean));
    expect(await errors()).toEqual([
      "the destination answered 302",
      "no answer within 20 ms",
      expect.stringContaining("ECONNREFUSED") as string,
    ]);
    expect(elsewhere.calls).toEqual([]);
    open();
  });
});

describe("the delay's expression", () => {
  it.each([
    ["1000", 0, 1000],
    ["1000 * (1 + retried)", 2, 3000],
    ["max(10, pow(2, retried))", 5, 32],
    ["1 + 2 * 3 - 4 / 2 % 3", 0, 5],
    ["-(-2.5e3)", 0, 2500],
    ["floor(sqrt(99)) + ceil(1.2) + round(1.5) + abs(0-3) + floor(exp(1))", 0, 18],
    ["min(3, 2, max(1, retried))", 9, 2],
    ["0 - 1", 0, 0],
    ["1 / 0", 0, 24 * hour],
    ["0 / 0", 0, 12 * second],
    ["pow(10, 20)", 0, 24 * hour],
  ])("%s is, after %i retries, %i ms", (text, retried, ms) => {
    expect(boundedDelay(parseRetryDelay(text), retried)).toBe(ms);
  });

  it.each([
    "",
    " ",
    "1 +",
    "pow(1)",
    "pow(1, 2, 3)",
    "min()",
    "constructor",
    "constructor()",
    "toString(1)",
    "retried()",
    "1 2",
    "a",
    "1;",
    "(((1)",
    "x => x",
    "1".repeat(300),
    "[1]",
  ])("is refused when it is %j", (text) => {
    expect(() => parseRetryDelay(text)).toThrow();
  });

  it("is QStash's own by default", () => {
    expect([0, 1, 2, 3, 4, 5].map((retried) => defaultRetryDelay(retried) / 1000)).toEqual([
      12, 148, 1808, 22026, 86400, 86400,
    ]);
  });

  it("is replaced by a Retry-After of seconds, a duration or a date", () => {
    const now = Date.parse("2026-01-01T00:00:00Z");
    expect(
      ["0", "10", "6m5s", "Thu, 01 Jan 2026 00:01:00 GMT", "Thu, 01 Jan 2015 00:01:00 GMT", "soon"].map((text) =>
        parseRetryAfter(text, now),
      ),
    ).toEqual([0, 10_000, 365_000, 60_000, 0, undefined]);
  });
});

const payloads = (bodies: string[]) => bodies.map((body) => JSON.parse(body) as Record<string, unknown>);
const decode = (text: unknown) => Buffer.from(String(text), "base64").toString();

describe("callbacks", () => {
  it("follow every attempt, with the answer and the message", async () => {
    const { client, pass } = await openQstash();
    const { url, calls } = await openDestination((_, count) => ({
      status: count === 1 ? 500 : 201,
      body: `answer ${count}`,
      headers: { "x-answer": "y" },
    }));
    const callback = await openDestination();
    const { messageId } = await client.publish({
      url,
      body: "question",
      headers: { "X-Source": "s", "Upstash-Callback-Forward-X-Token": "t", "Upstash-Callback-Method": "PUT" },
      callback: `${callback.url}/cb`,
      retryDelay: "1000",
    });
    await until(() => callback.calls.length === 1);
    pass(second);
    await until(() => callback.calls.length === 2);
    expect(calls).toHaveLength(2);
    const [first, last] = payloads(callback.bodies());
    expect(first).toMatchObject({
      status: 500,
      retried: 0,
      maxRetries: 3,
      sourceMessageId: messageId,
      url,
      method: "POST",
    });
    expect(last).toMatchObject({
      status: 201,
      retried: 1,
      header: { "x-answer": ["y"] },
      sourceHeader: { "x-source": ["s"] },
    });
    expect([decode(last?.["body"]), decode(last?.["sourceBody"])]).toEqual(["answer 2", "question"]);
    expect(last).not.toHaveProperty("dlqId");
    expect(callback.calls[0]).toMatchObject({
      url: "/cb",
      method: "PUT",
      headers: { "content-type": "application/json", "x-token": "t" },
    });
    expect(callback.calls[0]?.headers).not.toHaveProperty("x-source");
  });

  it("report a failure once, with the id of the dead letter", async () => {
    const { client, pass } = await openQstash();
    const { url } = await failing();
    const onFailure = await openDestination();
    await client.publish({ url, failureCallback: onFailure.url, retries: 1, retryDelay: "1000" });
    await until(async () => (await client.logs({ filter: { state: "RETRY" } })).logs.length === 1);
    expect(onFailure.calls).toEqual([]);
    pass(second);
    await until(() => onFailure.calls.length === 1);
    const { messages } = await client.dlq.listMessages();
    const [payload] = payloads(onFailure.bodies());
    expect(payload).toMatchObject({
      dlqId: messages[0]?.dlqId,
      status: 500,
      retried: 1,
      maxRetries: 1,
      sourceMessageId: messages[0]?.messageId,
    });
  });

  it("are messages themselves, retried and at last dead letters", async () => {
    const { client } = await openQstash();
    const { url } = await openDestination();
    const callback = await failing();
    await client.publish({ url, callback: callback.url, headers: { "Upstash-Callback-Retries": "0" } });
    await until(async () => (await client.dlq.listMessages()).messages[0]?.url === callback.url);
    expect(callback.calls).toHaveLength(1);
  });
});
