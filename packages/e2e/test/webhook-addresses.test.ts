import type { CreatedWebhook, WebhookTest } from "@sandi/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestEdge, type TestEdge } from "../src/edge.ts";
import { startWebhookReceiver, type WebhookReceiver } from "../src/webhook-receiver.ts";

describe("addresses of webhooks, in the Worker's own runtime", () => {
  const asked: string[] = [];
  let edge: TestEdge;
  let receiver: WebhookReceiver;

  beforeAll(async () => {
    receiver = await startWebhookReceiver();
    edge = await startTestEdge({
      outside: (url) => {
        asked.push(url);
        return url.endsWith("/moved")
          ? { status: 307, headers: { location: `${receiver.url}/hook` } }
          : { status: 204 };
      },
    });
  });
  afterAll(async () => {
    await edge.stop();
    await receiver.close();
  });

  const create = (url: string) => edge.api<CreatedWebhook>("POST /v1/webhooks", { url, events: ["*"] });
  const test = async (id: string) => (await edge.api<WebhookTest>(`POST /v1/webhooks/${id}/test`)).body;

  it("are called over the network that reaches no private address", async () => {
    const { body } = await create("https://app.example.com/hook");
    expect(await test(body.id)).toMatchObject({ status: "delivered", lastStatus: 204 });
    expect(asked.splice(0)).toEqual(["https://app.example.com/hook"]);
  });

  it("that redirect to a private address are not followed", async () => {
    const { body } = await create("https://app.example.com/moved");
    expect(await test(body.id)).toMatchObject({ status: "failed", lastStatus: 307, error: "redirected" });
    expect([asked.splice(0), receiver.received]).toEqual([["https://app.example.com/moved"], []]);
  });

  it("of this machine and of private networks are refused", async () => {
    const { port } = new URL(receiver.url);
    for (const url of [
      receiver.url,
      `https://localhost:${port}/`,
      "https://10.0.0.1/",
      "https://192.168.1.1/",
      "https://[::1]/",
    ]) {
      const { status, body } = await create(url);
      expect([url, status, body.code]).toEqual([url, 400, "invalid-request"]);
    }
    expect([asked, receiver.received]).toEqual([[], []]);
  });
});
