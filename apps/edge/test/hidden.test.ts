import { eventsPath, type Message, type Scope, type Verification } from "@sandi/contracts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Edge, startEdge } from "./harness.ts";

let edge: Edge;
let sessionId: string;
const to = "+6281234567890";

beforeEach(async () => {
  edge = await startEdge();
  sessionId = await edge.addSession();
});
afterEach(async () => {
  await edge.settled();
  edge.close();
});

async function fail(messageId: string, reason: string) {
  const event = {
    id: "evt_01jd3k9v7hq2w8x5n4b6m0c1ta",
    seq: 1,
    sessionId,
    at: edge.services.now().toISOString(),
    type: "message.failed",
    messageId,
    reason,
  };
  expect((await edge.internal(eventsPath, { connectorId: "a", events: [event] })).status).toBe(200);
}

const keyWith = (...scopes: Scope[]) => edge.addKey(edge.workspace.id, scopes);
const verification = async (id: string, key: string) =>
  (await edge.api<Verification>(`GET /v1/verifications/${id}`, undefined, { key })).body;
const message = async (id: string, key: string) =>
  (await edge.api<Message>(`GET /v1/messages/${id}`, undefined, { key })).body;

describe("that a number has no WhatsApp account", () => {
  it("is told of a verification to keys with lookup:read; to others it is pending, then expired", async () => {
    const { body } = await edge.api<Verification>("POST /v1/verifications", { to });
    await fail(body.delivery!.messageId, "not_on_whatsapp");
    const told = await verification(body.id, await keyWith("otp:check", "lookup:read"));
    expect([told.status, told.delivery!.status, told.delivery!.failure?.reason]).toEqual([
      "undeliverable",
      "failed",
      "not_on_whatsapp",
    ]);
    const key = await keyWith("otp:check");
    const seen = await verification(body.id, key);
    expect(seen).toEqual({ ...body, created: false, delivery: { ...body.delivery, status: "sending" } });
    edge.advance(300_000);
    expect(await verification(body.id, key)).toMatchObject({
      status: "expired",
      delivery: { status: "failed", failure: { reason: "expired" } },
    });
  });

  it("is told of a message likewise", async () => {
    const { body } = await edge.api<Message>("POST /v1/messages", { sessionId, to, type: "text", text: "hi" });
    await fail(body.id, "not_on_whatsapp");
    const told = await message(body.id, await keyWith("message:send", "lookup:read"));
    expect([told.status, told.failure?.reason]).toEqual(["failed", "not_on_whatsapp"]);
    const key = await keyWith("message:send");
    expect(await message(body.id, key)).toEqual({ ...body, status: "sending" });
    edge.advance(24 * 3600_000);
    expect(await message(body.id, key)).toMatchObject({ status: "failed", failure: { reason: "expired" } });
  });

  it("is not mixed up with other failures, which every key is told", async () => {
    const { body } = await edge.api<Verification>("POST /v1/verifications", { to });
    await fail(body.delivery!.messageId, "refused");
    expect(await verification(body.id, await keyWith("otp:send"))).toMatchObject({
      status: "undeliverable",
      delivery: { status: "failed", failure: { reason: "refused" } },
    });
  });
});
