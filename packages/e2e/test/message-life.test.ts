import type { Message, MessageList } from "@sandi/contracts";
import { afterAll, beforeAll, expect, it } from "vitest";
import { eventually, startTestStack, type TestStack } from "../src/harness.ts";

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterAll(() => stack.destroy());

const send = (text: string, more: object = {}, headers: Record<string, string> = {}) =>
  stack.api<Message>("POST /v1/messages", { to: stack.local.userPhone, type: "text", text, ...more }, headers);
const read = async (id: string) => (await stack.api<Message>(`GET /v1/messages/${id}`)).body;
const reaches = (id: string, status: string) =>
  eventually(`the message to be ${status}`, async () => (await read(id)).status === status);
const seen = async (text: string) => (await stack.inbox()).filter((message) => message.text === text).length;
const timeline = async (id: string) =>
  (await stack.api<{ events: { type: string }[] }>(`GET /v1/messages/${id}/events`)).body.events.map(
    ({ type }) => type,
  );

it("a request that waits is answered after WhatsApp's ack, and the phone's receipts follow up to played", async () => {
  await stack.patchPhone(stack.local.userPhone ?? "", { receipts: "played" });
  const { status, body, headers } = await send("first", { metadata: { order: 1 } }, { prefer: "wait=25" });
  expect([status, headers.get("preference-applied")]).toEqual([202, "wait=25"]);
  expect(["sent", "delivered", "read", "played"]).toContain(body.status);
  await reaches(body.id, "played");
  expect(await timeline(body.id)).toEqual([
    "message.queued",
    "message.sent",
    "message.delivered",
    "message.read",
    "message.played",
  ]);
  expect((await read(body.id)).metadata).toEqual({ order: 1 });
});

it("a scheduled message reaches the phone after its time, one that was canceled never", async () => {
  const sendAt = new Date(Date.now() + 3_000).toISOString();
  const [kept, canceled] = [(await send("kept", { sendAt })).body, (await send("canceled", { sendAt })).body];
  expect(kept.status).toBe("scheduled");
  expect((await stack.api<Message>(`POST /v1/messages/${canceled.id}/cancel`)).body.status).toBe("canceled");
  expect(await seen("kept")).toBe(0);
  await eventually("the message on the phone", async () => {
    if (Date.now() > Date.parse(sendAt)) await stack.runCron();
    return (await seen("kept")) === 1;
  });
  await reaches(kept.id, "played");
  expect([(await read(canceled.id)).status, await seen("canceled")]).toEqual(["canceled", 0]);
  const list = await stack.api<MessageList>("GET /v1/messages?limit=2");
  expect(list.body.messages.map(({ id }) => id)).toEqual([canceled.id, kept.id]);
});

it("a message that WhatsApp refused for a while is retried, and the recipient sees it once", async () => {
  // Sandi tries both addresses of the person.
  await fetch(`${stack.local.simulatorUrl}/faults`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ kind: "send-error", code: 463, to: stack.local.userPhone, times: 2 }),
  });
  const { body } = await send("again");
  await reaches(body.id, "failed");
  expect((await read(body.id)).failure?.reason).toBe("new_chats_locked");
  const retried = await stack.api<Message>(`POST /v1/messages/${body.id}/retry`);
  expect([retried.status, retried.body.status]).toEqual([202, "queued"]);
  await reaches(body.id, "played");
  expect(await seen("again")).toBe(1);
  expect((await stack.api(`POST /v1/messages/${body.id}/retry`)).status).toBe(409);
});

it("a dry run names the session, and nothing is sent", async () => {
  const { status, body } = await stack.api<object>("POST /v1/messages", {
    to: stack.local.userPhone,
    type: "text",
    text: "dry",
    dryRun: true,
  });
  expect([status, body]).toMatchObject([200, { wouldSend: true, sessionId: stack.local.sessionId, refusal: null }]);
  await stack.runCron();
  expect(await seen("dry")).toBe(0);
});
