import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { PortTakenError } from "../src/listen.ts";
import { startQstash } from "../src/qstash/server.ts";
import {
  aWhile,
  currentSigningKey,
  gate,
  nextSigningKey,
  openDestination,
  openQstash,
  receiver,
  token,
  until,
} from "./support/qstash.ts";

vi.spyOn(console, "error").mockImplementation(() => {});

describe("a restart", () => {
  it("keeps waiting messages and remembers delivered ones", async () => {
    const qstash = await openQstash();
    const { url, calls, bodies } = await openDestination((call) => ({ status: call.body === "fails" ? 500 : 200 }));
    await qstash.client.publish({ url, body: "done" });
    const { messageId } = await qstash.client.publish({ url, body: "fails", retryDelay: "60000" });
    await qstash.client.publish({ url, body: "delayed", delay: 60, headers: { "X-A": "b" } });
    await qstash.happened("RETRY");
    await qstash.happened("DELIVERED");
    await qstash.restart();
    await aWhile();
    expect(calls).toHaveLength(2);
    qstash.pass(60_000);
    await until(() => calls.length === 4);
    expect(bodies().slice(2).sort()).toEqual(["delayed", "fails"]);
    expect(calls.find(({ body }, index) => body === "fails" && index > 1)?.headers).toMatchObject({
      "upstash-message-id": messageId,
      "upstash-retried": "1",
    });
    expect(calls.find(({ body }) => body === "delayed")?.headers["x-a"]).toBe("b");
  });

  it("delivers interrupted messages again", async () => {
    const qstash = await openQstash();
    const { opened, open } = gate();
    const { url, calls } = await openDestination((_, count) => (count <= 2 ? opened.then(() => ({})) : {}));
    await qstash.client.batch([
      { url, body: "1" },
      { url, body: "2" },
    ]);
    await until(() => calls.length === 2);
    await qstash.restart();
    await until(() => calls.length === 4);
    expect(calls.map(({ headers }) => headers["upstash-retried"])).toEqual(["0", "0", "0", "0"]);
    expect(new Set(calls.map(({ headers }) => headers["upstash-message-id"])).size).toBe(2);
    open();
  });

  it("waits for a call that is about to end", async () => {
    const qstash = await openQstash();
    const { url, calls } = await openDestination(async () => {
      await aWhile();
      return {};
    });
    await qstash.client.publish({ url });
    await until(() => calls.length === 1);
    await qstash.restart();
    await aWhile();
    expect(calls).toHaveLength(1);
  });

  it("keeps deduplication ids, queues and their order, pins, schedules and dead letters", async () => {
    const qstash = await openQstash();
    const { url, calls, bodies } = await openDestination((call) => ({ status: call.body === "bad" ? 500 : 200 }));
    const { client } = qstash;
    await client.publish({ url, body: "bad", retries: 0, deduplicationId: "d" });
    await qstash.happened("FAILED");
    await client.queue({ queueName: "q" }).upsert({ parallelism: 1, paused: true });
    for (let n = 0; n < 12; n++) await client.queue({ queueName: "q" }).enqueue({ url, body: String(n) });
    await client.flowControl.pin("k", { rate: 3, period: 60 });
    await client.schedules.create({ scheduleId: "s", destination: `${url}/s`, cron: "* * * * *" });
    await qstash.restart();

    const after = qstash.client;
    expect(await after.publish({ url, deduplicationId: "d" })).toMatchObject({ deduplicated: true });
    expect((await after.dlq.listMessages()).messages).toMatchObject([{ body: "bad", responseStatus: 500 }]);
    expect(await after.flowControl.get("k")).toMatchObject({ rateMax: 3, ratePeriod: 60, isPinnedRate: true });
    expect(await after.queue({ queueName: "q" }).get()).toMatchObject({ paused: true, lag: 12 });
    await after.queue({ queueName: "q" }).resume();
    await until(() => calls.length === 13);
    expect(bodies().slice(1)).toEqual(Array.from({ length: 12 }, (_, n) => String(n)));
    qstash.pass(60_000);
    await until(() => calls.some((call) => call.url === "/s"));
  });

  it("signs with the new key after a rotation", async () => {
    const qstash = await openQstash();
    const { url, calls } = await openDestination();
    await qstash.client.publish({ url, delay: 1 });
    await qstash.restart({ currentSigningKey: nextSigningKey, nextSigningKey: "sig_later" });
    qstash.pass(1_000);
    await until(() => calls.length === 1);
    const signature = calls[0]?.headers["upstash-signature"] as string;
    await expect(receiver.verify({ signature, body: "", url, clockTolerance: 2 })).resolves.toBe(true);
  });

  it("has the message on disk when the publisher is answered", async () => {
    const { client, folder } = await openQstash();
    await client.publish({ url: "http://127.0.0.1:9/", body: "needle-in-the-file", delay: 60 });
    const files = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), "latin1")));
    expect(files.some((text) => text.includes("needle-in-the-file"))).toBe(true);
  });

  it("names the port that is taken", async () => {
    const { url, folder } = await openQstash();
    const port = Number(new URL(url).port);
    const second = startQstash({ file: join(folder, "second.db"), port, token, currentSigningKey, nextSigningKey });
    await expect(second).rejects.toThrow(PortTakenError);
    await expect(second).rejects.toMatchObject({ port });
  });
});
