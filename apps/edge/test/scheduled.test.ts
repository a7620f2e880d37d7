import type { Message } from "@sandi/contracts";
import { describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { hourMs, messageChanges } from "./message-changes.ts";
import { type connectorOf, recipient, seeMessage, text } from "./senders.ts";
import { useSender } from "./use-edge.ts";

let edge: Edge;
let connector: ReturnType<typeof connectorOf>;
let sessionId: string;
useSender((started) => ({ edge, connector, sessionId } = started));

const { inMs, cron, change, cancel } = messageChanges(() => edge);
const scheduled = async (ms: number, more: object = {}) => (await text(edge, { sendAt: inMs(ms), ...more })).body;
const timeline = async (id: string) =>
  (await edge.api<{ events: { type: string; data: object }[] }>(`GET /v1/messages/${id}/events`)).body.events;

describe("a message with a time", () => {
  it("is scheduled, is queued by the first cron after its time, and expires from then on", async () => {
    const { status, body } = await text(edge, { sendAt: inMs(hourMs), expiresIn: 600 });
    expect(status).toBe(202);
    expect(body).toMatchObject({ status: "scheduled", sendAt: inMs(hourMs), expiresAt: inMs(hourMs + 600_000) });
    await cron(hourMs - 1);
    expect([edge.jobs, await seeMessage(edge, body)]).toMatchObject([[], { status: "scheduled" }]);
    await cron(1);
    expect(edge.jobs.map((job) => job.body)).toMatchObject([{ messageId: body.id, sessionId, lane: "normal" }]);
    expect((await seeMessage(edge, body)).status).toBe("queued");
    expect(await connector.claim(body.id, sessionId)).toBe("claimed");
    await connector.sent(body.id, sessionId);
    expect((await timeline(body.id)).map(({ type }) => type)).toEqual([
      "message.scheduled",
      "message.queued",
      "message.sent",
    ]);
    expect((await timeline(body.id))[0]?.data).toEqual({ sendAt: body.sendAt });
  });

  it("does not go with another one that is due a moment earlier", async () => {
    const [now, later] = [await scheduled(1000), await scheduled(51_000)];
    await cron(1000);
    expect([(await seeMessage(edge, now)).status, (await seeMessage(edge, later)).status]).toEqual([
      "queued",
      "scheduled",
    ]);
  });

  it("is given to no connector before its time", async () => {
    const { id } = await scheduled(hourMs);
    expect(await connector.claim(id, sessionId)).toBe("done");
    expect((await seeMessage(edge, { id })).status).toBe("scheduled");
  });

  it.each([
    [-1, "must be in the future"],
    [0, "must be in the future"],
    [90 * 24 * hourMs + 1, "must be at most 90 days ahead"],
  ])("is refused where its time is %d ms ahead", async (ms, message) => {
    const { status, body } = await text(edge, { sendAt: inMs(ms) });
    expect([status, body.errors]).toEqual([400, [{ pointer: "/sendAt", message }]]);
    expect(await edge.count("message")).toBe(0);
  });

  it("is one message for requests with the same Idempotency-Key", async () => {
    const body = { to: recipient, type: "text", text: "hi", sendAt: inMs(hourMs) };
    const send = () => edge.api<Message>("POST /v1/messages", body, { headers: { "idempotency-key": "k" } });
    expect((await send()).body.id).toBe((await send()).body.id);
    await cron(hourMs);
    await cron(60_000);
    const ids = edge.jobs.map((job) => "messageId" in job.body && job.body.messageId);
    expect([await edge.count("message"), new Set(ids).size]).toEqual([1, 1]);
  });

  it("moves with a PATCH, and its expiry with it; a queued one does not move, but its metadata changes", async () => {
    const { id } = await scheduled(hourMs);
    const moved = await change(id, { sendAt: inMs(2 * hourMs), metadata: { n: 2 } });
    expect(moved.body).toMatchObject({ sendAt: inMs(2 * hourMs), expiresAt: inMs(26 * hourMs), metadata: { n: 2 } });
    await cron(hourMs);
    expect((await seeMessage(edge, { id })).status).toBe("scheduled");
    await cron(hourMs);
    const late = await change(id, { sendAt: inMs(hourMs), metadata: { n: 3 } });
    expect([late.status, late.body.code, late.body.detail]).toEqual([
      409,
      "message-not-waiting",
      "The message is queued.",
    ]);
    expect((await seeMessage(edge, { id })).metadata).toEqual({ n: 2 });
    expect((await change(id, { metadata: { n: 3 } })).body.metadata).toEqual({ n: 3 });
    expect((await timeline(id)).map(({ type }) => type)).toEqual([
      "message.scheduled",
      "message.scheduled",
      "message.queued",
    ]);
  });

  it("ends with a cancel, for good, and a second cancel changes nothing", async () => {
    const { id } = await scheduled(hourMs);
    expect((await cancel(id)).body.status).toBe("canceled");
    expect((await cancel(id)).status).toBe(200);
    expect(await edge.rows("SELECT sealed FROM message")).toEqual([{ sealed: null }]);
    await cron(hourMs);
    expect([edge.jobs.length, (await seeMessage(edge, { id })).status]).toEqual([0, "canceled"]);
  });

  it("goes with the best session of its pool at its time, or with the one that was named", async () => {
    const [any, own] = [await scheduled(hourMs), await scheduled(hourMs, { sessionId })];
    await connector.state(sessionId, "waiting");
    const next = await edge.addSession();
    await cron(hourMs);
    expect([(await seeMessage(edge, any)).sessionId, (await seeMessage(edge, own)).sessionId]).toEqual([
      next,
      sessionId,
    ]);
    const waiting = await edge.rows("SELECT waiting FROM session ORDER BY id = ? DESC", sessionId);
    expect(waiting).toEqual([{ waiting: 1 }, { waiting: 1 }]);
    const types = (await timeline(any.id)).map(({ type }) => type);
    expect(types).toEqual(["message.scheduled", "message.queued"]);
  });

  it("fails at its time if its session has ended, and waits if it may not write to strangers now", async () => {
    const first = await scheduled(hourMs, { to: "+6281234567891" });
    await connector.lock(sessionId);
    await cron(hourMs - 1);
    await connector.lock(sessionId);
    await cron(1);
    expect((await seeMessage(edge, first)).status).toBe("scheduled");
    await cron(hourMs);
    expect((await seeMessage(edge, first)).status).toBe("queued");
    const second = await scheduled(hourMs);
    await connector.state(sessionId, "ended");
    await cron(hourMs);
    const { status, failure } = await seeMessage(edge, second);
    expect([status, failure?.reason]).toEqual(["failed", "session_ended"]);
  });

  it("fails as expired if it could not be queued in its lifetime", async () => {
    const { id } = await scheduled(hourMs, { expiresIn: 60 });
    edge.advance(hourMs + 60_000);
    expect((await seeMessage(edge, { id })).failure?.reason).toBe("expired");
    expect((await cancel(id)).body.code).toBe("message-not-waiting");
    await cron();
    expect(await edge.rows("SELECT status, failure FROM message")).toEqual([{ status: "failed", failure: "expired" }]);
  });

  it("counts for its recipient when it is queued, and waits while the limit is used up", async () => {
    await edge.api("PATCH /v1/workspace", { policy: { messagesPerRecipientPerHour: 2 } });
    for (let i = 0; i < 3; i++) await scheduled(hourMs + i);
    await cron(hourMs + 10);
    const states = () => edge.rows("SELECT status, count(*) AS n FROM message GROUP BY status ORDER BY status");
    expect(await states()).toEqual([
      { status: "queued", n: 2 },
      { status: "scheduled", n: 1 },
    ]);
    expect((await text(edge)).body.code).toBe("rate-limited");
    await cron(hourMs);
    expect(await states()).toEqual([{ status: "queued", n: 3 }]);
  });

  it("goes to one stranger a minute where the pool limits new chats", async () => {
    const { body } = await edge.api<{ pools: { id: string }[] }>("GET /v1/pools");
    await edge.api(`PATCH /v1/pools/${body.pools[0]!.id}`, { newChatsPerDay: 10 });
    for (let i = 0; i < 4; i++) await scheduled(hourMs, { to: `+628123456789${i}` });
    await cron(hourMs);
    await cron(60_000);
    expect(await edge.rows("SELECT status FROM message WHERE status = 'queued'")).toHaveLength(2);
  });

  it("does not delay the messages of others that are due, however many cannot go", async () => {
    await edge.client.execute({
      sql: `INSERT INTO message (id, workspace_id, session_id, to_masked, sealed, status, expires_at, created_at, updated_at,
          to_hash, send_at, due_at, lifetime_ms)
        WITH RECURSIVE i(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < 450)
        SELECT 'msg_' || i, ?, ?, '', 'x', 'scheduled', 1e15, 1, 1, 'h', 1, 1, 1 FROM i`,
      args: [edge.workspace.id, sessionId],
    });
    await edge.api("PATCH /v1/workspace", { policy: { messagesPerRecipientPerHour: 1 } });
    const { id } = await scheduled(1000);
    await cron(1000);
    expect((await seeMessage(edge, { id })).status).toBe("queued");
    expect(await edge.rows("SELECT count(*) AS n FROM message WHERE status = 'scheduled'")).toEqual([{ n: 449 }]);
  });

  it("is canceled by a new block rule for its recipient", async () => {
    const { id } = await scheduled(hourMs);
    await scheduled(hourMs, { to: "+6591234567" });
    const rule = await edge.api("POST /v1/access-rules", { effect: "block", kind: "country", value: "ID" });
    expect(rule.body["canceledMessages"]).toBe(1);
    expect((await seeMessage(edge, { id })).status).toBe("canceled");
  });

  it("is kept for its time from when it was to be sent, not from its creation", async () => {
    const { id } = await scheduled(60 * 24 * hourMs);
    await cron(59 * 24 * hourMs);
    await cron(24 * hourMs);
    await connector.sent(id, sessionId);
    await cron(29 * 24 * hourMs);
    expect((await seeMessage(edge, { id })).status).toBe("sent");
    await cron(2 * 24 * hourMs);
    expect(await edge.count("message")).toBe(0);
  });

  it("belongs to its workspace", async () => {
    const { id } = await scheduled(hourMs);
    const stranger = await edge.addWorkspace();
    for (const request of [`PATCH /v1/messages/${id}`, `POST /v1/messages/${id}/cancel`]) {
      const body = request.startsWith("PATCH") ? { metadata: {} } : undefined;
      expect((await edge.api(request, body, { key: stranger.key })).body.code).toBe("message-not-found");
    }
  });
});
