import type {
  CreatedWebhook,
  CreateWebhook,
  Message,
  WebhookDeliveryDetail,
  WebhookDeliveryList,
} from "@sandi/contracts";
import { verifyWebhook } from "@sandi/crypto";
import { createClient } from "@libsql/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, startTestStack, type TestStack } from "../src/harness.ts";
import { startWebhookReceiver, type WebhookReceiver } from "../src/webhook-receiver.ts";

let stack: TestStack;
let receiver: WebhookReceiver;

beforeAll(async () => {
  receiver = await startWebhookReceiver({
    "/slow": (response) => void setTimeout(() => response.writeHead(204).end(), 14_000),
    "/silent": () => {},
    "/closes": (response) => void response.destroy(),
    "/breaks": (response) => {
      response.writeHead(200, { "content-length": "1000" });
      response.write("half", () => response.destroy());
    },
    "/endless": (response) => {
      response.writeHead(200);
      const writing = setInterval(() => response.write("more ".repeat(1000)), 1);
      response.on("close", () => clearInterval(writing));
    },
    "/drips": (response) => {
      response.writeHead(200);
      const writing = setInterval(() => response.write("."), 100);
      response.on("close", () => clearInterval(writing));
    },
    "/moved": (response) => void response.writeHead(301, { location: "/there" }).end(),
    "/broken": (response) => void response.writeHead(500).end("stack trace"),
    "/recovers": (response) => {
      const times = receiver.received.filter(({ path }) => path === "/recovers").length;
      response.writeHead(times === 1 ? 503 : 204).end();
    },
  });
  stack = await startTestStack();
});
afterAll(async () => {
  await stack.destroy();
  await receiver.close();
});

const subscribe = async (path: string, more: Partial<CreateWebhook> = {}) => {
  const input = { url: receiver.url + path, events: ["message.queued"], ...more };
  const { status, body } = await stack.api<CreatedWebhook>("POST /v1/webhooks", input);
  if (status !== 201) throw new Error(`the webhook was not made: ${JSON.stringify(body)}`);
  return body;
};
const send = async () => {
  const { status, body } = await stack.api<Message>("POST /v1/messages", {
    to: stack.local.userPhone,
    type: "text",
    text: "Hello",
  });
  expect(status).toBe(202);
  return body.id;
};
const rows = async (sql: string, args: string[] = []) => {
  const client = createClient(stack.libsql);
  try {
    return (await client.execute({ sql, args })).rows;
  } finally {
    client.close();
  }
};
const attemptsOf = (id: string) =>
  rows(
    `SELECT a.number, a.status, a.error, a.duration_ms, d.status AS state FROM delivery d
      JOIN delivery_attempt a ON a.delivery_id = d.id WHERE d.endpoint_id = ? ORDER BY d.id, a.number`,
    [id],
  );
const arrivedAt = (path: string) => receiver.received.filter((each) => each.path === path);

describe("receivers in the Worker's own runtime", () => {
  it("each get the event as they are: slow, silent, closing, endless, moved and broken ones hold up no other", async () => {
    const paths = [
      "/good",
      "/slow",
      "/silent",
      "/closes",
      "/breaks",
      "/endless",
      "/drips",
      "/moved",
      "/broken",
      "/recovers",
    ];
    const made = new Map<string, CreatedWebhook>();
    for (const path of paths) made.set(path, await subscribe(path));
    const messageId = await send();
    // The slow and the silent one still wait when all others have theirs.
    await eventually("every receiver's request", async () => paths.every((path) => arrivedAt(path).length > 0));
    expect([receiver.waiting.get("/slow"), receiver.waiting.get("/silent")]).toEqual([1, 1]);

    const [good] = arrivedAt("/good");
    expect(good?.event).toMatchObject({ type: "message.queued", messageId });
    const secrets = [made.get("/good")?.secret ?? ""];
    const headers = new Headers(good?.headers as Record<string, string>);
    expect(await verifyWebhook({ secrets, headers, body: JSON.stringify(good?.event), now: new Date() })).toBe(true);

    const first = async (path: string) =>
      eventually(`the attempt at ${path}`, async () => (await attemptsOf(made.get(path)?.id ?? ""))[0]);
    for (const path of ["/good", "/breaks", "/endless", "/drips", "/slow"]) {
      expect([path, await first(path)]).toMatchObject([path, { number: 1, error: null, state: "delivered" }]);
    }
    expect((await first("/slow"))["duration_ms"]).toBeGreaterThanOrEqual(14_000);
    const failed = { state: "queued", number: 1 };
    expect(await first("/silent")).toMatchObject({ ...failed, status: null, error: "timed_out" });
    expect(await first("/closes")).toMatchObject({ ...failed, status: null, error: "unreachable" });
    expect(await first("/moved")).toMatchObject({ ...failed, status: 301, error: "redirected" });
    expect(await first("/broken")).toMatchObject({ ...failed, status: 500, error: "server_error" });
    expect(arrivedAt("/there")).toEqual([]);

    const again = await eventually(
      "the second attempt",
      async () => arrivedAt("/recovers").length > 1 && arrivedAt("/recovers"),
    );
    expect(new Set(again.map((each) => each.headers["webhook-id"])).size).toBe(1);
    expect((again[1]?.at ?? 0) - (again[0]?.at ?? 0)).toBeGreaterThanOrEqual(4_900);
  });

  it("with an endless answer have its first 4 KB kept", async () => {
    const { id } = await subscribe("/endless");
    await send();
    const path = `GET /v1/webhooks/${id}/deliveries`;
    const delivery = await eventually("the delivery", async () => {
      const [found] = (await stack.api<WebhookDeliveryList>(path)).body.deliveries;
      return found?.status === "delivered" && found;
    });
    const { body } = await stack.api<WebhookDeliveryDetail>(`${path}/${delivery.id}`);
    expect(body.log.map(({ answer }) => answer?.length)).toEqual([4096]);
  });
});
