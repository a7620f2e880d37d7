import { describe, expect, it, vi } from "vitest";
import { aWhile, gate, openDestination, openQstash, until } from "./support/qstash.ts";

vi.spyOn(console, "error").mockImplementation(() => {});

/** A destination that answers each call when the test releases it. */
async function openHeld() {
  const held: (() => void)[] = [];
  const destination = await openDestination(
    () =>
      new Promise((resolve) => {
        held.push(() => resolve({}));
      }),
  );
  return { ...destination, held, release: () => held.shift()?.() };
}

describe("a queue", () => {
  it("delivers one at a time and in order, and lets a failing message hold the next back", async () => {
    const { client, pass, happened } = await openQstash();
    const { url, bodies } = await openDestination((_, count) => ({ status: count === 1 ? 500 : 200 }));
    const queue = client.queue({ queueName: "orders" });
    for (const body of ["1", "2", "3"]) await queue.enqueue({ url, body, retryDelay: "1000" });
    await happened("RETRY");
    await aWhile();
    expect(bodies()).toEqual(["1"]);
    expect(await queue.get()).toMatchObject({ name: "orders", parallelism: 1, paused: false, lag: 3 });
    pass(1000);
    await until(() => bodies().length === 4);
    expect(bodies()).toEqual(["1", "1", "2", "3"]);
    await until(async () => (await queue.get()).lag === 0);
  });

  it("continues when a message fails for good or is cancelled", async () => {
    const { client, happened } = await openQstash();
    const { url, bodies } = await openDestination((call) => ({ status: call.body === "bad" ? 500 : 200 }));
    const queue = client.queue({ queueName: "q" });
    await queue.pause();
    await queue.enqueue({ url, body: "bad", retries: 0 });
    const { messageId } = await queue.enqueue({ url, body: "cancelled" });
    await queue.enqueue({ url, body: "good" });
    await client.messages.cancel(messageId);
    await queue.resume();
    await happened("DELIVERED");
    expect(bodies()).toEqual(["bad", "good"]);
    await until(async () => (await queue.get()).lag === 0);
  });

  it("delivers as many at once as it has consumers", async () => {
    const { client } = await openQstash();
    const { url, calls, held, release } = await openHeld();
    const queue = client.queue({ queueName: "q" });
    await queue.upsert({ parallelism: 2 });
    for (const body of ["1", "2", "3"]) await queue.enqueueJSON({ url, body });
    await until(() => held.length === 2);
    await aWhile();
    expect(calls).toHaveLength(2);
    release();
    await until(() => calls.length === 3);
    release();
    release();
  });

  it("starts no message early after a waiting one was cancelled", async () => {
    const { client } = await openQstash();
    const { url, calls, release } = await openHeld();
    const queue = client.queue({ queueName: "q" });
    await queue.enqueue({ url, body: "1" });
    await until(() => calls.length === 1);
    const { messageId } = await queue.enqueue({ url, body: "2" });
    await queue.enqueue({ url, body: "3" });
    await client.messages.cancel(messageId);
    await aWhile();
    expect(calls).toHaveLength(1);
    release();
    await until(() => calls.length === 2);
    expect(calls[1]?.body).toBe("3");
    release();
  });

  it("is listed, paused, resumed and deleted", async () => {
    const { client } = await openQstash();
    const { url, calls } = await openDestination();
    const queue = client.queue({ queueName: "with a space" });
    await queue.upsert({ parallelism: 3, paused: true });
    await queue.enqueue({ url });
    expect(
      (await client.queue().list()).map(({ name, paused, parallelism, lag }) => ({ name, paused, parallelism, lag })),
    ).toEqual([{ name: "with a space", paused: true, parallelism: 3, lag: 1 }]);
    await aWhile();
    expect(calls).toEqual([]);
    await queue.resume();
    await until(async () => (await queue.get()).lag === 0);
    await queue.delete();
    await expect(queue.get()).rejects.toMatchObject({ status: 404 });
  });
});

const flow = (key: string, more: { parallelism: number } | { rate: number; period?: `${bigint}s` }) => ({
  key,
  ...more,
});

describe("flow control", () => {
  it("keeps to the parallelism of a key and leaves other keys alone", async () => {
    const { client } = await openQstash();
    const { url, calls, held, release } = await openHeld();
    for (const body of ["1", "2", "3"]) await client.publish({ url, body, flowControl: flow("a", { parallelism: 2 }) });
    await client.publish({ url, body: "other", flowControl: flow("b", { parallelism: 1 }) });
    await until(() => held.length === 3);
    await aWhile();
    expect(calls.map(({ body }) => body).sort()).toEqual(["1", "2", "other"]);
    expect(await client.flowControl.get("a")).toMatchObject({
      parallelismMax: 2,
      parallelismCount: 2,
      waitListSize: 1,
    });
    release();
    release();
    await until(() => calls.length === 4);
    release();
    release();
  });

  it("keeps to the rate of a key, period by period, in order", async () => {
    const { client, pass } = await openQstash();
    const { url, bodies } = await openDestination();
    for (const body of ["1", "2", "3", "4", "5"])
      await client.publish({ url, body, flowControl: flow("k", { rate: 2, period: "60s" }) });
    await until(() => bodies().length === 2);
    await aWhile();
    expect(await client.flowControl.get("k")).toMatchObject({
      rateMax: 2,
      rateCount: 2,
      ratePeriod: 60,
      waitListSize: 3,
    });
    pass(59_999);
    await aWhile();
    expect(bodies()).toHaveLength(2);
    pass(1);
    await until(() => bodies().length === 4);
    await client.flowControl.resetRate("k");
    await until(() => bodies().length === 5);
    expect(bodies().sort()).toEqual(["1", "2", "3", "4", "5"]);
  });

  it("holds a paused key's messages until it is resumed", async () => {
    const { client } = await openQstash();
    const { url, calls } = await openDestination();
    await client.flowControl.pause("k");
    const ids = [];
    for (const body of ["1", "2"])
      ids.push((await client.publish({ url, body, flowControl: flow("k", { parallelism: 1 }) })).messageId);
    await client.messages.cancel(ids[0] as string);
    await aWhile();
    expect(calls).toEqual([]);
    expect(await client.flowControl.get("k")).toMatchObject({ isPaused: true, waitListSize: 1 });
    await client.flowControl.resume("k");
    await until(() => calls.length === 1);
    expect(calls[0]?.body).toBe("2");
  });

  it("does not count cancelled messages for the rate", async () => {
    const { client, pass } = await openQstash();
    const { url, bodies } = await openDestination();
    const publish = (body: string) => client.publish({ url, body, flowControl: flow("k", { rate: 1, period: "60s" }) });
    await publish("1");
    const { messageId } = await publish("2");
    await publish("3");
    await until(() => bodies().length === 1);
    await client.messages.cancel(messageId);
    pass(60_000);
    await until(() => bodies().length === 2);
    expect(bodies()).toEqual(["1", "3"]);
  });

  it("uses a pinned limit in place of the messages' own, until it is unpinned", async () => {
    const { client } = await openQstash();
    const { url, calls, release } = await openHeld();
    await client.flowControl.pin("k", { parallelism: 1 });
    for (const body of ["1", "2", "3"]) await client.publish({ url, body, flowControl: flow("k", { parallelism: 9 }) });
    await until(() => calls.length === 1);
    await aWhile();
    expect(calls).toHaveLength(1);
    expect(await client.flowControl.get("k")).toMatchObject({
      parallelismMax: 1,
      isPinnedParallelism: true,
      isPinnedRate: false,
    });
    await client.flowControl.unpin("k", { parallelism: true });
    await client.publish({ url, body: "4", flowControl: flow("k", { parallelism: 9 }) });
    await until(() => calls.length === 4);
    for (let left = 4; left > 0; left--) release();
  });

  it("does not count a failed call while it waits for its retry", async () => {
    const { client } = await openQstash();
    const { url, bodies } = await openDestination((call) => ({ status: call.body === "bad" ? 500 : 200 }));
    await client.publish({ url, body: "bad", flowControl: flow("k", { parallelism: 1 }) });
    await client.publish({ url, body: "good", flowControl: flow("k", { parallelism: 1 }) });
    await until(() => bodies().length === 2);
    expect(bodies()).toEqual(["bad", "good"]);
  });
});

describe("everything together", () => {
  it("runs at most 128 calls at the same time, and finishes all", async () => {
    const { client } = await openQstash();
    const { opened, open } = gate();
    const { url, calls } = await openDestination(() => opened.then(() => ({})));
    for (let batch = 0; batch < 3; batch++)
      await client.batch(Array.from({ length: 60 }, (_, n) => ({ url, body: String(batch * 60 + n) })));
    await until(() => calls.length === 128);
    await aWhile();
    expect(calls).toHaveLength(128);
    expect(await client.flowControl.getGlobalParallelism()).toEqual({ parallelismMax: 128, parallelismCount: 128 });
    open();
    await until(() => calls.length === 180);
    expect(new Set(calls.map(({ body }) => body)).size).toBe(180);
  });
});
