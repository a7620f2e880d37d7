import { describe, expect, it, vi } from "vitest";
import { aWhile, gate, openDestination, openQstash, until } from "./support/qstash.ts";

vi.spyOn(console, "error").mockImplementation(() => {});

const minute = 60_000;
const day = 24 * 60 * minute;

describe("messages", () => {
  it("are shown while they wait, and not after their delivery", async () => {
    const { client, clock, pass } = await openQstash();
    const { url } = await openDestination();
    const { messageId } = await client.publishJSON({
      url: `${url}/x`,
      body: { a: 1 },
      delay: 60,
      retries: 7,
      retryDelay: "1000",
      headers: { "X-A": "b" },
      label: ["one", "two"],
      callback: `${url}/cb`,
      failureCallback: `${url}/failed`,
      flowControl: { key: "k", parallelism: 3, rate: 5, period: "1m" },
    });
    expect(await client.messages.get(messageId)).toMatchObject({
      messageId,
      url: `${url}/x`,
      method: "POST",
      body: '{"a":1}',
      header: { "x-a": ["b"], "content-type": ["application/json"] },
      maxRetries: 7,
      retryDelayExpression: "1000",
      createdAt: clock.at,
      notBefore: clock.at + minute,
      callback: `${url}/cb`,
      failureCallback: `${url}/failed`,
      label: "one",
      labels: ["one", "two"],
      flowControlKey: "k",
      parallelism: 3,
      rate: 5,
      period: 60,
    });
    pass(minute);
    await until(() =>
      client.messages.get(messageId).then(
        () => false,
        (error: { status?: number }) => error.status === 404,
      ),
    );
  });

  it("show bytes as base64, without redacted fields", async () => {
    const { client, fetch } = await openQstash();
    const published = await fetch("/v2/publish/http://127.0.0.1:9/", {
      method: "POST",
      body: Buffer.from([255, 0]),
      headers: { "Upstash-Delay": "1h" },
    });
    const { messageId } = (await published.json()) as { messageId: string };
    expect(await client.messages.get(messageId)).toMatchObject({ bodyBase64: "/wA=" });
    const secret = await client.publish({
      url: "http://127.0.0.1:9/",
      delay: 60,
      body: "secret",
      headers: { "X-Key": "secret", "X-B": "b" },
      redact: { body: true, header: ["X-Key"] },
    });
    const shown = await client.messages.get(secret.messageId);
    expect(JSON.stringify(shown)).not.toContain("secret");
    expect(shown.header).toMatchObject({ "x-key": ["REDACTED"], "x-b": ["b"] });
  });

  it("are cancelled one by one, by ids, by filter, or all", async () => {
    const { client, pass } = await openQstash();
    const { url, bodies } = await openDestination();
    const publish = async (body: string, label = "x") =>
      (await client.publish({ url, body, label, delay: 60 })).messageId;
    const ids = [
      await publish("1"),
      await publish("2"),
      await publish("3"),
      await publish("4", "y"),
      await publish("5", "z"),
    ];
    expect(await client.messages.cancel(ids[0] as string)).toEqual({ cancelled: 1 });
    await expect(client.messages.cancel(ids[0] as string)).rejects.toMatchObject({ status: 404 });
    expect(await client.messages.cancel([ids[0] as string, ids[1] as string, "msg_none"])).toEqual({ cancelled: 1 });
    expect(await client.messages.cancel({ filter: { label: ["y", "none"], url } })).toEqual({ cancelled: 1 });
    pass(minute);
    await until(() => bodies().length === 2);
    expect(bodies().sort()).toEqual(["3", "5"]);
    await publish("6");
    await publish("7");
    await until(async () => (await client.messages.cancel({ all: true })).cancelled === 2);
    const { logs } = await client.logs({ filter: { state: "CANCELED" } });
    expect(logs).toHaveLength(5);
  });

  it("are not retried when they are cancelled during a call", async () => {
    const { client, pass } = await openQstash();
    const { opened, open } = gate();
    const { url, calls } = await openDestination(() => opened.then(() => ({ status: 500 })));
    await client.publish({ url, retryDelay: "0" });
    await client.publish({ url, retries: 0, callback: url });
    await until(() => calls.length === 2);
    await client.messages.cancel({ all: true });
    open();
    await aWhile();
    pass(day);
    await aWhile();
    expect(calls).toHaveLength(2);
    expect((await client.dlq.listMessages()).messages).toEqual([]);
  });
});

async function withLetters(count: number) {
  const qstash = await openQstash();
  let isFixed = false;
  const destination = await openDestination((call) =>
    isFixed ? {} : { status: 500 + Number(call.body), body: `no ${call.body}` },
  );
  for (let n = 0; n < count; n++) {
    await qstash.client.publish({
      url: destination.url,
      body: String(n),
      retries: 0,
      label: `l${n}`,
      headers: { "X-N": String(n) },
    });
    await qstash.happened("FAILED", n + 1);
  }
  return { ...qstash, client: qstash.client, destination, fix: () => (isFixed = true) };
}

describe("dead letters", () => {
  it("show the message and the last answer, newest first", async () => {
    const { client, fetch } = await withLetters(2);
    const { messages } = await client.dlq.listMessages();
    expect(messages).toMatchObject([
      { body: "1", responseStatus: 501, responseBody: "no 1", maxRetries: 0, header: { "x-n": ["1"] } },
      { body: "0", responseStatus: 500, responseBody: "no 0" },
    ]);
    expect(await (await fetch(`/v2/dlq/${messages[0]?.dlqId}`)).json()).toMatchObject({
      dlqId: messages[0]?.dlqId,
      body: "1",
    });
    expect(
      (await client.dlq.listMessages({ filter: { responseStatus: 500 } })).messages.map(({ body }) => body),
    ).toEqual(["0"]);
    expect(
      (await client.dlq.listMessages({ dlqIds: [messages[0]?.dlqId as string] })).messages.map(({ body }) => body),
    ).toEqual(["1"]);
  });

  it("are listed page by page", async () => {
    const { client } = await withLetters(3);
    const first = await client.dlq.listMessages({ count: 2 });
    const second = await client.dlq.listMessages({ count: 2, cursor: first.cursor as string });
    expect([...first.messages, ...second.messages].map(({ body }) => body)).toEqual(["2", "1", "0"]);
    expect(second.cursor).toBeUndefined();
  });

  it("are published again as new messages, and are deleted then", async () => {
    const { client, destination, fix } = await withLetters(2);
    fix();
    const before = (await client.dlq.listMessages()).messages;
    const { responses } = await client.dlq.retry(before[1]?.dlqId as string);
    await until(() => destination.calls.length === 3);
    expect(destination.calls[2]).toMatchObject({
      body: "0",
      headers: { "x-n": "0", "upstash-retried": "0", "upstash-message-id": responses[0]?.messageId },
    });
    expect(responses[0]?.messageId).not.toBe(before[1]?.messageId);
    expect((await client.dlq.listMessages()).messages.map(({ body }) => body)).toEqual(["1"]);
    await client.dlq.retry({ all: true });
    await until(async () => (await client.dlq.listMessages()).messages.length === 0);
  });

  it("are deleted one by one, by filter, or all", async () => {
    const { client } = await withLetters(4);
    const { messages } = await client.dlq.listMessages();
    expect(await client.dlq.delete(messages[0]?.dlqId as string)).toEqual({ deleted: 1 });
    await expect(client.dlq.delete(messages[0]?.dlqId as string)).rejects.toMatchObject({ status: 404 });
    expect(await client.dlq.delete({ filter: { label: "l0" } })).toMatchObject({ deleted: 1 });
    expect(await client.dlq.delete({ all: true })).toMatchObject({ deleted: 2 });
    expect((await client.dlq.listMessages()).messages).toEqual([]);
  });

  it("are kept for three days", async () => {
    const { client, pass } = await withLetters(1);
    pass(3 * day);
    expect((await client.dlq.listMessages()).messages).toHaveLength(1);
    pass(1);
    expect((await client.dlq.listMessages()).messages).toHaveLength(0);
  });
});

describe("events", () => {
  it("show what happened to a message, newest first, and can be filtered", async () => {
    const { client, clock, pass, happened } = await openQstash();
    const { url } = await openDestination((_, count) => ({ status: count === 1 ? 500 : 200 }));
    const { messageId } = await client.publish({ url, retryDelay: "1000", label: "a" });
    await client.publish({ url, delay: 60 });
    await happened("RETRY");
    const retryAt = clock.at + 1000;
    pass(1000);
    await happened("DELIVERED");
    const { logs } = await client.logs({ messageIds: [messageId] });
    expect(logs.map(({ state }) => state)).toEqual(["DELIVERED", "ACTIVE", "RETRY", "ERROR", "ACTIVE", "CREATED"]);
    expect(logs.find(({ state }) => state === "RETRY")?.nextDeliveryTime).toBe(retryAt);
    expect(logs.find(({ state }) => state === "ERROR")?.error).toContain("500");
    const total = async (filter: object) => (await client.logs({ filter })).logs.length;
    expect([
      await total({ label: "a" }),
      await total({ state: "CREATED" }),
      await total({ fromDate: retryAt }),
      await total({ url: "x" }),
    ]).toEqual([6, 2, 2, 0]);
  });

  it("are listed page by page, at both addresses", async () => {
    const { client, fetch } = await openQstash();
    await client.batch([1, 2, 3].map((n) => ({ url: "http://127.0.0.1:9/", body: String(n), delay: 60 })));
    const first = await client.logs({ count: 2 });
    const second = await client.logs({ count: 2, cursor: first.cursor as string });
    expect([first.logs.length, second.logs.length, second.cursor]).toEqual([2, 1, undefined]);
    expect(((await (await fetch("/v2/logs")).json()) as { logs: unknown[] }).logs).toHaveLength(3);
  });
});

describe("schedules", () => {
  it("publish at the times of their cron expression, until they are deleted", async () => {
    const { client, clock, pass } = await openQstash();
    const { url, calls } = await openDestination();
    clock.at = Date.parse("2026-05-01T10:00:30Z");
    const { scheduleId } = await client.schedules.create({
      destination: `${url}/tick`,
      cron: "*/5 * * * *",
      body: "tick",
      headers: { "X-A": "b" },
    });
    expect(await client.schedules.get(scheduleId)).toMatchObject({
      scheduleId,
      cron: "*/5 * * * *",
      destination: `${url}/tick`,
      body: "tick",
      method: "POST",
      isPaused: false,
      nextScheduleTime: Date.parse("2026-05-01T10:05:00Z"),
    });
    pass(4.5 * minute - 1);
    await aWhile();
    expect(calls).toEqual([]);
    pass(1);
    await until(() => calls.length === 1);
    expect(calls[0]).toMatchObject({
      url: "/tick",
      body: "tick",
      headers: { "x-a": "b", "upstash-schedule-id": scheduleId },
    });
    pass(5 * minute);
    await until(() => calls.length === 2);
    expect((await client.schedules.get(scheduleId)).lastScheduleTime).toBe(clock.at);
    await client.schedules.delete(scheduleId);
    pass(10 * minute);
    await aWhile();
    expect(calls).toHaveLength(2);
    expect(await client.schedules.list()).toEqual([]);
  });

  it("are paused, resumed and replaced by their id, and use a time zone", async () => {
    const { client, clock, pass } = await openQstash();
    const { url, calls } = await openDestination();
    clock.at = Date.parse("2026-05-01T10:00:00Z");
    const create = (cron: string) => client.schedules.create({ scheduleId: "mine", destination: url, cron });
    await create("* * * * *");
    await create("CRON_TZ=Asia/Jakarta 30 17 * * *");
    expect(await client.schedules.list()).toMatchObject([
      { scheduleId: "mine", nextScheduleTime: Date.parse("2026-05-01T10:30:00Z") },
    ]);
    await client.schedules.pause({ schedule: "mine" });
    pass(day);
    await aWhile();
    expect([calls.length, (await client.schedules.get("mine")).isPaused]).toEqual([0, true]);
    await client.schedules.resume({ schedule: "mine" });
    pass(30 * minute);
    await until(() => calls.length === 1);
  });

  it("are refused when the expression is not valid", async () => {
    const { client } = await openQstash();
    for (const cron of ["soon", "61 * * * *", "* * * * * *", ""]) {
      await expect(client.schedules.create({ destination: "http://127.0.0.1:9/", cron })).rejects.toMatchObject({
        status: 400,
      });
    }
  });
});
