import { Receiver } from "@upstash/qstash";
import { describe, expect, it, vi } from "vitest";
import {
  aWhile,
  currentSigningKey,
  nextSigningKey,
  openDestination,
  openQstash,
  receiver,
  token,
  until,
} from "./support/qstash.ts";

vi.spyOn(console, "error").mockImplementation(() => {});

describe("publishing", () => {
  it("delivers body, method and forwarded headers with an id and the count of retries", async () => {
    const { client } = await openQstash();
    const { url, calls } = await openDestination();
    const { messageId } = await client.publishJSON({
      url: `${url}/jobs`,
      method: "PUT",
      headers: { "X-Trace": "abc" },
      body: { n: 1 },
    });
    await until(() => calls.length === 1);
    expect(calls[0]).toMatchObject({
      url: "/jobs",
      method: "PUT",
      body: '{"n":1}',
      headers: {
        "content-type": "application/json",
        "x-trace": "abc",
        "upstash-message-id": messageId,
        "upstash-retried": "0",
        "user-agent": "Upstash-QStash",
      },
    });
    expect(Object.keys(calls[0]?.headers ?? {}).filter((name) => name.startsWith("upstash-"))).toHaveLength(3);
  });

  it("takes the destination from the raw URL, with its query and its escapes", async () => {
    const { client } = await openQstash();
    const { url, calls } = await openDestination();
    const destination = `${url}/a%2Fb//c?x=1%202&y=http://z/?q`;
    await client.publish({ url: destination });
    await until(() => calls.length === 1);
    expect(calls[0]?.url).toBe("/a%2Fb//c?x=1%202&y=http://z/?q");
    const signature = calls[0]?.headers["upstash-signature"] as string;
    await expect(receiver.verify({ signature, body: "", url: destination })).resolves.toBe(true);
  });

  it("delivers bytes unchanged, and a GET without a body", async () => {
    const qstash = await openQstash();
    const { url, calls } = await openDestination();
    await qstash.fetch(`/v2/publish/${url}/bytes`, { method: "POST", body: Buffer.from([0xc3, 0xbc, 0x0a]) });
    await qstash.client.publish({ url: `${url}/get`, method: "GET" });
    await until(() => calls.length === 2);
    expect(calls.find((call) => call.url === "/bytes")?.body).toBe("ü\n");
    expect(calls.find((call) => call.url === "/get")).toMatchObject({ method: "GET", body: "" });
  });

  it("publishes a batch, queues included, and answers in its order", async () => {
    const { client } = await openQstash();
    const { url, calls } = await openDestination();
    const published = await client.batchJSON([
      { url: `${url}/1`, body: { n: 1 } },
      { url: `${url}/2`, body: { n: 2 }, queueName: "q", headers: { "X-Two": "2" } },
    ]);
    await until(() => calls.length === 2);
    const second = calls.find((call) => call.url === "/2");
    expect(second).toMatchObject({ body: '{"n":2}', headers: { "x-two": "2", "content-type": "application/json" } });
    expect(published.map((one) => (one as { url?: string }).url)).toEqual([`${url}/1`, `${url}/2`]);
    expect(second?.headers["upstash-message-id"]).toBe(published[1]?.messageId);
  });

  it("fails a message whose header cannot be sent, and continues with the next", async () => {
    const { client, fetch, happened } = await openQstash();
    const { url, bodies } = await openDestination();
    const bad = { destination: url, headers: { "Upstash-Forward-X": "a\nb", "Upstash-Retries": "0" }, body: "bad" };
    await fetch("/v2/batch", { method: "POST", body: JSON.stringify([bad, { destination: url, body: "good" }]) });
    await happened("FAILED");
    await until(() => bodies().length === 1);
    expect((await client.dlq.listMessages()).messages).toMatchObject([{ body: "bad", responseStatus: 0 }]);
  });

  it("forwards no header that belongs to a connection", async () => {
    const { client } = await openQstash();
    const { url, calls } = await openDestination();
    const hop = { "Transfer-Encoding": "gzip", Connection: "close", Host: "example.com", "Content-Length": "99" };
    const headers = Object.fromEntries(Object.entries(hop).map(([name, value]) => [`Upstash-Forward-${name}`, value]));
    await client.publish({ url, body: "body", headers });
    await until(() => calls.length === 1);
    expect(calls[0]).toMatchObject({ body: "body", headers: { host: new URL(url).host, "content-length": "4" } });
    expect(calls[0]?.headers).not.toHaveProperty("transfer-encoding");
  });

  it("calls again at once when an open connection was closed, and waits when a new one was closed", async () => {
    const { client, happened } = await openQstash();
    const { url, calls } = await openDestination((_, count) => ({ hangsUp: count !== 1 && count !== 3 }));
    for (const body of ["1", "2", "3"]) {
      await client.publish({ url, body });
      await happened(body === "3" ? "RETRY" : "DELIVERED", body === "3" ? 1 : Number(body));
    }
    expect(calls.map(({ body, headers }) => [body, headers["upstash-retried"]])).toEqual([
      ["1", "0"],
      ["2", "0"],
      ["2", "0"],
      ["3", "0"],
    ]);
  });

  it("delivers nothing of a batch of which one message is wrong", async () => {
    const { client } = await openQstash();
    const { url, calls } = await openDestination();
    await expect(
      client.batchJSON([
        { url, body: 1 },
        { url: "ftp://127.0.0.1/x", body: 2 },
      ]),
    ).rejects.toThrow("not an http or https URL");
    await aWhile();
    expect(calls).toEqual([]);
  });

  it("waits for a delay and for a not-before", async () => {
    const { client, clock, pass } = await openQstash();
    const { url, bodies } = await openDestination();
    await client.publish({ url, body: "delay", delay: 60 });
    await client.publish({ url, body: "duration", delay: "2m" });
    await client.publish({ url, body: "not before", notBefore: Math.floor(clock.at / 1000) + 180 });
    await aWhile();
    expect(bodies()).toEqual([]);
    pass(60_000);
    await until(() => bodies().length === 1);
    pass(60_000);
    await until(() => bodies().length === 2);
    pass(60_000);
    await until(() => bodies().length === 3);
    expect(bodies()).toEqual(["delay", "duration", "not before"]);
  });

  it("delivers in real time without a test clock", async () => {
    const { client } = await openQstash({ now: Date.now });
    const { url, calls } = await openDestination();
    const from = performance.now();
    await client.publish({ url, headers: { "Upstash-Delay": "20ms" } });
    await until(() => calls.length === 1);
    expect(performance.now() - from).toBeGreaterThan(19);
  });
});

describe("deduplication", () => {
  it("accepts one message per deduplication id in ten minutes, and says so", async () => {
    const { client, pass } = await openQstash();
    const { url, calls } = await openDestination();
    const first = await client.publish({ url, deduplicationId: "job-1" });
    const again = await client.publish({ url, deduplicationId: "job-1", body: "other" });
    expect(again).toMatchObject({ messageId: first.messageId, deduplicated: true });
    expect(first).not.toHaveProperty("deduplicated");
    await until(() => calls.length === 1);
    pass(10 * 60_000);
    expect(await client.publish({ url, deduplicationId: "job-1" })).not.toHaveProperty("deduplicated");
    await until(() => calls.length === 2);
  });

  it("treats messages with the same destination, headers and body as duplicates", async () => {
    const { client } = await openQstash();
    const { url, calls } = await openDestination();
    const publish = (body: string, path = "/") =>
      client.publish({ url: `${url}${path}`, body, contentBasedDeduplication: true });
    await publish("a");
    expect(await publish("a")).toMatchObject({ deduplicated: true });
    await publish("b");
    await publish("a", "/other");
    await until(() => calls.length === 3);
  });

  it("deduplicates within a batch", async () => {
    const { client } = await openQstash();
    const { url, calls } = await openDestination();
    const [one, two] = await client.batch([
      { url, deduplicationId: "x", body: "1" },
      { url, deduplicationId: "x", body: "2" },
    ]);
    expect(two).toEqual(Object.assign({ deduplicated: true }, one));
    await until(() => calls.length > 0);
    await aWhile();
    expect(calls).toHaveLength(1);
  });
});

const delivered = async (options: Parameters<typeof openQstash>[0] = {}) => {
  const { client } = await openQstash(options);
  const { url, calls } = await openDestination();
  await client.publishJSON({ url: `${url}/x`, body: { code: "no" } });
  await until(() => calls.length === 1);
  return {
    signature: calls[0]?.headers["upstash-signature"] as string,
    body: calls[0]?.body as string,
    url: `${url}/x`,
  };
};

const aged = (minutes: number) => delivered({ now: () => Date.now() - minutes * 60_000 });

describe("signatures", () => {
  it("are accepted by the receiver, signed with the current key or the next", async () => {
    await expect(receiver.verify(await delivered())).resolves.toBe(true);
    await expect(receiver.verify(await delivered({ currentSigningKey: nextSigningKey }))).resolves.toBe(true);
  });

  it("are refused for another body, another URL, another key or another claim", async () => {
    const good = await delivered();
    const [header, , mac] = good.signature.split(".");
    const claims = Buffer.from(JSON.stringify({ iss: "Upstash", sub: good.url, exp: 9e9, nbf: 0, body: "" })).toString(
      "base64url",
    );
    await expect(receiver.verify({ ...good, body: `${good.body} ` })).rejects.toThrow("body hash");
    await expect(receiver.verify({ ...good, url: `${good.url}?` })).rejects.toThrow("invalid subject");
    await expect(receiver.verify(await delivered({ currentSigningKey: "sig_other" }))).rejects.toThrow("signature");
    await expect(receiver.verify({ ...good, signature: [header, claims, mac].join(".") })).rejects.toThrow("signature");
  });

  it("end after five minutes", async () => {
    await expect(receiver.verify(await aged(4.9))).resolves.toBe(true);
    const strict = new Receiver({ currentSigningKey, nextSigningKey: currentSigningKey });
    await expect(strict.verify(await aged(5.1))).rejects.toThrow('"exp" claim');
  });

  it("can be verified with keys that the client requests", async () => {
    const { fetch } = await openQstash();
    expect(await (await fetch("/v2/keys")).json()).toEqual({ current: currentSigningKey, next: nextSigningKey });
  });
});

describe("refusals", () => {
  it("refuses a destination that is not on this machine, by name, unless it was allowed", async () => {
    const { client } = await openQstash({ allowHosts: ["hooks.example.test"] });
    for (const url of [
      "https://example.com/hook",
      "http://10.0.0.1/",
      "http://127.0.0.1.example.com/",
      "http://[::2]/",
    ]) {
      await expect(client.publish({ url })).rejects.toMatchObject({
        status: 403,
        message: expect.stringContaining(new URL(url).host) as string,
      });
    }
    await expect(
      client.publish({ url: "http://127.0.0.1:9/", callback: "https://example.com/" }),
    ).rejects.toMatchObject({ status: 403 });
    await client.publish({ url: "http://hooks.example.test/", delay: 60 });
  });

  it.each([
    ["Upstash-Retry-Delay", "pow(2"],
    ["Upstash-Retry-Delay", "process.exit()"],
    ["Upstash-Delay", "soon"],
    ["Upstash-Retries", "-1"],
    ["Upstash-Method", "TRACE"],
    ["Upstash-Timeout", "x"],
    ["Upstash-Callback", "nowhere"],
  ])("refuses %s: %s and names it or what is wrong with it", async (name, value) => {
    const { fetch } = await openQstash();
    const { url, calls } = await openDestination();
    const answer = await fetch(`/v2/publish/${url}`, { method: "POST", headers: { [name]: value } });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toEqual({ error: expect.stringMatching(/upstash|destination/i) as string });
    await aWhile();
    expect(calls).toEqual([]);
  });

  it("refuses a wrong token, an unknown path, a body that is too large or is not JSON", async () => {
    const { fetch } = await openQstash();
    const { url } = await openDestination();
    expect((await fetch("/v2/keys", { headers: { authorization: "Bearer wrong" } })).status).toBe(401);
    expect((await fetch("/v2/keys", { headers: { authorization: `Bearer ${token.slice(1)}x` } })).status).toBe(401);
    expect((await fetch("/v2/nothing")).status).toBe(404);
    expect((await fetch("/v2/queues/%zz")).status).toBe(400);
    expect((await fetch("/v2/messages", { method: "DELETE", body: "{}" })).status).toBe(400);
    expect((await fetch(`/v2/publish/${url}`, { method: "POST", body: "x".repeat(1024 * 1024 + 1) })).status).toBe(413);
    expect((await fetch("/v2/batch", { method: "POST", body: "{" })).status).toBe(400);
    expect((await fetch("/v2/queues", { method: "POST", body: "{}" })).status).toBe(400);
    expect((await fetch("/v2/batch", { method: "POST", body: "[null]" })).status).toBe(400);
  });
});
