import { claimPath, type ClaimResponse, type Message, type Problem, SealedPayload } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { connectorOf, recipient, seeMessage, text } from "./senders.ts";
import { useEdge } from "./use-edge.ts";

const to = "+6281234567891";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
beforeEach(async () => {
  sessionId = await edge.addSession();
});

const tail = "01jd3k9v7hq2w8x5n4b6m0c1t";
/** A message that somebody wrote. */
async function received(more: object = {}): Promise<string> {
  const messageId = `msg_${tail}1`;
  const about = { messageId, chatId: `cht_${tail}0`, chatKind: "person", personId: `per_${tail}0`, origin: null };
  const message = { ...about, to: null, type: "image", isViewOnce: false, isOffline: false, ...more };
  const connector = connectorOf(edge);
  await connector.report(sessionId, "message.received", { from: recipient, token: null, isForwarded: false, message });
  return messageId;
}

async function sent(): Promise<string> {
  const { id } = (await text(edge, { sessionId })).body;
  await connectorOf(edge).claim(id, sessionId);
  await connectorOf(edge).sent(id, sessionId);
  return id;
}

type Answer = Omit<Message, "status"> & Omit<Problem, "status"> & { status: string };
const forward = (id: string, body: object = {}, options: Parameters<Edge["api"]>[2] = {}) =>
  edge.api<Answer>(`POST /v1/messages/${id}/forward`, { to, ...body }, options);

async function sealedOf(messageId: string): Promise<unknown> {
  const claims = [{ messageId, sessionId, fence: 1 }];
  const { results } = (await edge.internal<ClaimResponse>(claimPath, { connectorId: "a", claims })).body;
  const [claimed] = results;
  if (claimed?.outcome !== "claimed") throw new Error("not claimed");
  return edge.unseal(claimed.sealed);
}

describe("a forwarded message", () => {
  it("needs a key that may read it", async () => {
    const id = await received();
    const key = await edge.addKey(edge.workspace.id, ["message:send"]);
    const { status, body } = await forward(id, {}, { key });
    expect([status, body.code]).toEqual([403, "insufficient-scope"]);
    expect(await edge.rows("SELECT id FROM message WHERE id <> ?", id)).toEqual([]);
  });

  it("has the type of the first one and the connector's id of it, through the pipeline of all messages", async () => {
    const messageId = await received();
    const answer = await forward(messageId, { lane: "bulk", expiresIn: 120, metadata: { a: 1 } });
    const { id } = answer.body;
    expect([answer.status, answer.headers.get("location")]).toEqual([202, `/v1/messages/${id}`]);
    expect(answer.body).toMatchObject({ sessionId, type: "image", status: "queued", isForwarded: true, lane: "bulk" });
    expect(answer.body).toMatchObject({
      direction: "outbound",
      origin: "api",
      metadata: { a: 1 },
      to: "+62812•••7891",
    });
    expect(await edge.rows(`SELECT pool_id FROM message WHERE id = '${id}'`)).toEqual([{ pool_id: null }]);
    expect(await edge.rows(`SELECT kind FROM job WHERE subject_id = '${id}'`)).toHaveLength(1);
    expect(SealedPayload.parse(await sealedOf(id))).toEqual({ to, type: "forward", messageId });
  });

  it("of the API, scheduled, and to a chat of the session", async () => {
    const id = await sent();
    const sendAt = new Date(edge.services.now().getTime() + 3_600_000).toISOString();
    expect((await forward(id, { sendAt })).body).toMatchObject({ type: "text", status: "scheduled", sendAt });
    await received();
    expect((await forward(id, { to: `cht_${tail}0` })).body).toMatchObject({ type: "text", status: "queued" });
  });

  it("is made once under one key, also when the first one was deleted meanwhile", async () => {
    const id = await received();
    const headers = { "idempotency-key": "one" };
    const first = await forward(id, {}, { headers });
    await edge.settled();
    await connectorOf(edge).report(sessionId, "message.deleted", { messageId: id });
    const again = await forward(id, {}, { headers });
    expect([again.status, again.body.id]).toEqual([202, first.body.id]);
    expect(await forward(id, {}, { headers: { "idempotency-key": "two" } })).toMatchObject({ status: 409 });
    expect(await edge.rows("SELECT 1 FROM message WHERE is_forwarded = 1")).toHaveLength(1);
  });

  it("fails with the connector's reason, and is not retried", async () => {
    const { id } = (await forward(await received())).body;
    await connectorOf(edge).claim(id, sessionId);
    await connectorOf(edge).failed(id, sessionId, "content_not_kept");
    expect(await seeMessage(edge, { id })).toMatchObject({ status: "failed", failure: { reason: "content_not_kept" } });
    expect(await edge.api(`POST /v1/messages/${id}/retry`)).toMatchObject({ status: 409 });
  });

  it("obeys block rules and the limits of its recipient", async () => {
    const id = await received();
    await edge.api("POST /v1/access-rules", { effect: "block", kind: "number", value: to });
    expect(await forward(id)).toMatchObject({ status: 403, body: { code: "destination-blocked" } });
    await edge.api("PATCH /v1/workspace", { policy: { messagesPerRecipientPerHour: 1 } });
    const other = { to: "+6281234567892" };
    expect((await forward(id, other)).status).toBe(202);
    await edge.settled();
    expect(await forward(id, other)).toMatchObject({ status: 429, body: { code: "rate-limited" } });
  });

  it("is the sandbox's for a test key", async () => {
    const key = await edge.addKey(edge.workspace.id, ["message:send", "message:read"], { environment: "test" });
    const original = (await edge.api<Message>("POST /v1/messages", { to, type: "text", text: "hi" }, { key })).body;
    await edge.settled();
    edge.advance(60_000);
    const { status, body } = await forward(original.id, {}, { key });
    expect([status, body.type, body.isForwarded]).toEqual([202, "text", true]);
    expect(await forward(await sent(), {}, { key })).toMatchObject({ status: 404 });
  });
});

describe("is not forwarded:", () => {
  it.each<[string, object, string]>([
    ["an answer", { type: "reply" }, "type reply"],
    ["a kind that nobody can send", { type: "hologram" }, "type unsupported"],
    ["one that phones show once", { isViewOnce: true }, "once"],
  ])("%s", async (_, more, detail) => {
    const { status, body } = await forward(await received(more));
    expect([status, body.code]).toEqual([409, "message-not-forwardable"]);
    expect(body.detail).toContain(detail);
  });

  it.each(["queued", "scheduled", "sending", "failed", "canceled", "revoked"])("one that is %s", async (state) => {
    const id = await sent();
    const failure = state === "failed" ? "refused" : null;
    await edge.client.execute({
      sql: "UPDATE message SET status = ?, failure = ? WHERE id = ?",
      args: [state, failure, id],
    });
    const { status, body } = await forward(id);
    expect([status, body.code]).toEqual([409, "message-not-forwardable"]);
    expect(body.detail).toContain(state);
  });

  it("one that the account deleted for itself", async () => {
    const id = await received();
    await connectorOf(edge).report(sessionId, "message.deleted", { messageId: id });
    expect((await forward(id)).body).toMatchObject({ code: "message-not-forwardable" });
  });

  it("a code", async () => {
    const { body } = await edge.api<{ delivery: { messageId: string } }>("POST /v1/verifications", { to });
    expect(await forward(body.delivery.messageId)).toMatchObject({ status: 404, body: { code: "message-not-found" } });
  });

  it("one of another session than the given one", async () => {
    const other = await edge.addSession();
    const id = await received();
    expect(await forward(id, { sessionId: other })).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: "/sessionId", message: "is not the session of this message" }] },
    });
    expect((await forward(id, { sessionId })).status).toBe(202);
  });

  it("with a content of its own, or by a pool", async () => {
    const id = await received();
    expect((await forward(id, { text: "hi" })).status).toBe(400);
    expect((await forward(id, { poolId: `poo_${tail}1` })).status).toBe(400);
    expect(await edge.rows("SELECT 1 FROM message WHERE direction IS NULL")).toEqual([]);
  });
});
