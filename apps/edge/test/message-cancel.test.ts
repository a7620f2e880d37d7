import type { Message } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { hourMs, messageChanges } from "./message-changes.ts";
import { type connectorOf, recipient, text } from "./senders.ts";
import { useSender } from "./use-edge.ts";

let edge: Edge;
let connector: ReturnType<typeof connectorOf>;
let sessionId: string;
useSender((started) => ({ edge, connector, sessionId } = started));

const { inMs, cron, change, cancel } = messageChanges(() => edge);

describe("a queued message", () => {
  it("ends with a cancel, with its job; what a connector has claimed goes on", async () => {
    const [queued, claimed] = [(await text(edge)).body, (await text(edge)).body];
    await edge.settled();
    await connector.claim(claimed.id, sessionId);
    expect((await cancel(queued.id)).body.status).toBe("canceled");
    const refused = await cancel(claimed.id);
    expect([refused.status, refused.body.code, refused.body.detail]).toEqual([
      409,
      "message-not-waiting",
      "The message is sending.",
    ]);
    expect(await edge.rows("SELECT subject_id FROM job")).toEqual([{ subject_id: claimed.id }]);
    expect(await connector.claim(queued.id, sessionId)).toBe("done");
  });

  it("that found no account looks like any other one that was sent", async () => {
    const { body } = await text(edge);
    await connector.claim(body.id, sessionId);
    await connector.failed(body.id, sessionId, "not_on_whatsapp");
    const key = await edge.addKey(edge.workspace.id, ["message:send"]);
    const canceled = await edge.api(`POST /v1/messages/${body.id}/cancel`, undefined, { key });
    expect([canceled.body.code, canceled.body.detail]).toEqual(["message-not-waiting", "The message is sent."]);
  });
});

it("a code is not a message: it is neither listed, canceled, changed nor retried as one", async () => {
  const { body } = await edge.api<{ delivery: { messageId: string } }>("POST /v1/verifications", { to: recipient });
  const path = `/v1/messages/${body.delivery.messageId}`;
  const requests = [`GET ${path}`, `GET ${path}/events`, `POST ${path}/cancel`, `POST ${path}/retry`];
  for (const request of requests) expect((await edge.api(request)).body.code).toBe("message-not-found");
  expect((await change(body.delivery.messageId, { metadata: {} })).body.code).toBe("message-not-found");
  expect((await edge.api("GET /v1/messages")).body).toEqual({ messages: [], nextCursor: null });
  expect(await edge.rows("SELECT status, metadata FROM message")).toEqual([{ status: "queued", metadata: null }]);
});

const number = (last: string) => `+999000000${last}`;

describe("the sandbox", () => {
  let key: string;
  beforeEach(async () => {
    key = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
  });
  const send = async (to: string, more: object = {}) =>
    (await edge.api<Message>("POST /v1/messages", { to, type: "text", text: "hi", ...more }, { key })).body;
  const get = async (id: string) => (await edge.api<Message>(`GET /v1/messages/${id}`, undefined, { key })).body;

  it("sends scheduled messages at their time, for who looks and by cron", async () => {
    const [seen, unseen] = [
      await send(number("00"), { sendAt: inMs(hourMs) }),
      await send(number("00"), { sendAt: inMs(hourMs) }),
    ];
    expect([seen.status, (await get(seen.id)).status]).toEqual(["scheduled", "scheduled"]);
    edge.advance(hourMs);
    expect((await get(seen.id)).status).toBe("read");
    await cron();
    expect(await edge.rows("SELECT status FROM message WHERE id = ?", unseen.id)).toEqual([{ status: "read" }]);
    expect([edge.jobs.length, await edge.count("recipient_send")]).toEqual([0, 0]);
  });

  it("moves and cancels them, and retries what expired unsent", async () => {
    const later = await send(number("00"), { sendAt: inMs(hourMs) });
    expect((await change(later.id, { sendAt: inMs(2 * hourMs) }, key)).body.sendAt).toBe(inMs(2 * hourMs));
    const canceled = await edge.api<Message>(`POST /v1/messages/${later.id}/cancel`, undefined, { key });
    expect(canceled.body.status).toBe("canceled");
    const stuck = await send(number("02"), { expiresIn: 60 });
    await cron(60_000);
    expect((await get(stuck.id)).failure?.reason).toBe("expired");
    const retried = await edge.api<Message>(`POST /v1/messages/${stuck.id}/retry`, undefined, { key });
    expect([retried.status, retried.body.status]).toEqual([202, "queued"]);
    const missing = await send(number("01"));
    const refused = await edge.api(`POST /v1/messages/${missing.id}/retry`, undefined, { key });
    expect(refused.body.code).toBe("message-not-retryable");
  });
});
