import { beforeEach, describe, expect, it } from "vitest";
import { connectorCalls } from "./connector-calls.ts";
import type { Edge } from "./harness.ts";
import { recipient } from "./senders.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
const { create, get, sendText, message, claim, event, report } = connectorCalls(
  () => edge,
  () => sessionId,
);

beforeEach(async () => {
  sessionId = await edge.addSession();
});

describe("events from a connector", () => {
  it("move a message forward with their times, and delete its text", async () => {
    const { id } = await sendText();
    await claim(id);
    await report(event("message.sent", { messageId: id }));
    edge.advance(1000);
    await report(event("message.delivered", { messageId: id }), event("message.read", { messageId: id }));
    expect(await message(id)).toMatchObject({
      status: "read",
      sentAt: "2026-11-21T08:00:00.000Z",
      deliveredAt: "2026-11-21T08:00:01.000Z",
      readAt: "2026-11-21T08:00:01.000Z",
    });
    expect(await edge.rows("SELECT sealed FROM message")).toEqual([{ sealed: null }]);
  });

  it("keep the cooldown after a cancel: a new create is another send", async () => {
    const { id, delivery } = await create();
    await claim(delivery!.messageId);
    await report(event("message.sent", { messageId: delivery!.messageId }));
    await edge.api(`POST /v1/verifications/${id}/cancel`);
    const early = await edge.api("POST /v1/verifications", { to: recipient });
    expect([early.status, early.body.code, early.body.retryAfter]).toEqual([429, "resend-cooldown", 30]);
    edge.advance(30_000);
    expect((await create()).created).toBe(true);
  });

  it("never move it back: late, doubled and overtaken ones change nothing", async () => {
    const { id } = await sendText();
    const sent = event("message.sent", { messageId: id });
    const delivered = event("message.delivered", { messageId: id });
    edge.advance(1000);
    await report(event("message.read", { messageId: id }));
    const read = await message(id);
    expect([read.status, read.sentAt, read.deliveredAt]).toEqual(["read", read.readAt, read.readAt]);
    for (const late of [delivered, sent, sent, event("message.failed", { messageId: id, reason: "refused" })]) {
      expect((await report(late)).status).toBe(200);
    }
    expect(await message(id)).toEqual(read);
  });

  it("end a verification of which every message failed, or the latest with none sent, but not after an approval", async () => {
    const first = await create();
    await claim(first.delivery!.messageId);
    edge.advance(30_000);
    const resent = await create();
    await report(event("message.failed", { messageId: first.delivery!.messageId, reason: "refused" }));
    expect((await get(first.id)).status).toBe("pending");
    const failed = event("message.failed", { messageId: resent.delivery!.messageId, reason: "not_on_whatsapp" });
    await report(failed);
    await report(failed);
    const ended = await get(first.id);
    expect([ended.status, ended.delivery!.status, ended.delivery!.failure?.reason]).toEqual([
      "undeliverable",
      "failed",
      "not_on_whatsapp",
    ]);
    expect(await edge.rows("SELECT code_mac, sealed_code FROM verification")).toEqual([
      // Kept, so that a check does not tell who has an account; sent again, it could still arrive.
      { code_mac: expect.any(String) as string, sealed_code: expect.any(String) as string },
    ]);
    const check = (key: string) => edge.api(`POST /v1/verifications/${first.id}/check`, { code: "123456" }, { key });
    expect((await check(edge.workspace.key)).body.code).toBe("verification-undeliverable");
    expect((await check(await edge.addKey(edge.workspace.id, ["otp:check"]))).body.code).toBe("code-incorrect");
  });

  it.each(["sent", "delivered", "read"])("let a code that was %s be checked when its resend fails", async (type) => {
    const first = await create();
    const code = await edge.codeOf(first.id);
    await claim(first.delivery!.messageId);
    await report(event(`message.${type}`, { messageId: first.delivery!.messageId }));
    edge.advance(30_000);
    const resent = await create();
    await report(event("message.failed", { messageId: resent.delivery!.messageId, reason: "refused" }));
    const found = await get(first.id);
    expect([found.status, found.delivery!.status]).toEqual(["pending", "failed"]);
    expect((await edge.api(`POST /v1/verifications/${first.id}/check`, { code })).status).toBe(200);
  });

  it("allow a check of a code that is being sent when its resend fails, until it fails too", async () => {
    const first = await create();
    await claim(first.delivery!.messageId);
    edge.advance(30_000);
    const resent = await create();
    await report(event("message.failed", { messageId: resent.delivery!.messageId, reason: "refused" }));
    expect((await get(first.id)).status).toBe("pending");
    await report(event("message.failed", { messageId: first.delivery!.messageId, reason: "refused" }));
    expect((await get(first.id)).status).toBe("undeliverable");
  });

  it("set a session's state, the newest only", async () => {
    const online = event("session.state", { state: "online", reason: null, phone: "+6281200000001", revision: 1 });
    const waiting = event("session.state", { state: "waiting", reason: "connection_lost", phone: null, revision: 1 });
    await report(waiting, online);
    const found = await edge.api(`GET /v1/sessions/${sessionId}`);
    expect(found.body).toMatchObject({ state: "waiting", reason: "connection_lost" });
  });

  it("about something unknown are skipped, and one wrong event stores none of its batch", async () => {
    const unknown = event("message.sent", { messageId: "msg_01jd3k9v7hq2w8x5n4b6m0c1ta" });
    const { id } = await sendText();
    expect((await report(unknown, event("message.sent", { messageId: id }))).body).toEqual({ applied: 2 });
    expect((await message(id)).status).toBe("sent");
    const other = await sendText();
    const bad = await report(
      event("message.sent", { messageId: other.id }),
      event("message.lost", { messageId: other.id }),
    );
    expect([bad.status, bad.body.errors?.[0]?.pointer]).toEqual([400, "/events/1/type"]);
    expect((await message(other.id)).status).toBe("queued");
  });

  it("are one call to the database, however many", async () => {
    const { id } = await sendText();
    edge.calls.database = 0;
    await report(...Array.from({ length: 200 }, () => event("message.sent", { messageId: id })));
    expect(edge.calls.database).toBe(1);
  });
});
