import { ConnectorEvent, type Message, type MessageList, type Problem } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { connectorOf, seeMessage, text } from "./senders.ts";
import { useEdge } from "./use-edge.ts";

const at = "2026-11-21T08:00:05.000Z";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
let asked: { path: string; body: Record<string, unknown> }[];
let kept: object;
beforeEach(async () => {
  sessionId = await edge.addSession();
  asked = [];
  kept = {};
  edge.connector = (path, body) => {
    asked.push({ path, body: body as Record<string, unknown> });
    if (path !== "/rpc/messages/read") return { status: 200, body: { at } };
    const [id] = (body as { messageIds: string[] }).messageIds;
    const stored = { id, from: null, content: { type: "text", text: "hi" }, quotedMessageId: null };
    return { status: 200, body: { messages: [{ ...stored, reactions: [], votes: [], ...kept }] } };
  };
});

/** A message that was sent. */
async function message(): Promise<string> {
  const { id } = (await text(edge, { sessionId })).body;
  const connector = connectorOf(edge);
  await connector.claim(id, sessionId);
  await connector.sent(id, sessionId);
  return id;
}

const call = (request: string) =>
  edge.api<Omit<Message, "status"> & Omit<Problem, "status"> & { status: string }>(request);
const listed = async (query = "") =>
  (await edge.api<MessageList>(`GET /v1/messages?${query}`)).body.messages.map(({ id }) => id);
const actionId = expect.stringMatching(/^[\w-]{16,64}$/) as string;

describe("a star", () => {
  it.each([
    ["PUT", true],
    ["DELETE", false],
  ])("by %s asks the session's connector", async (method, isStarred) => {
    const messageId = await message();
    const { status, body } = await call(`${method} /v1/messages/${messageId}/star`);
    expect([status, body.id, body.isStarred]).toEqual([200, messageId, isStarred]);
    const input = { sessionId, messageId, actionId, isStarred };
    expect(asked).toEqual([{ path: "/rpc/messages/star", body: input }]);
  });

  it("is shown as the connector keeps it, and an older connector keeps none", async () => {
    const id = await message();
    expect(await seeMessage(edge, { id })).toMatchObject({ isStarred: false });
    kept = { isStarred: true };
    expect(await seeMessage(edge, { id })).toMatchObject({ isStarred: true, contentState: "kept" });
  });
});

describe("a deletion for the account alone", () => {
  it("names the time of the message, which the app state needs", async () => {
    const messageId = await message();
    const { sentAt } = await seeMessage(edge, { id: messageId });
    asked = [];
    const { status, body } = await call(`DELETE /v1/messages/${messageId}?for=me`);
    expect([status, body.status, body.deletedAt, body.revokedAt]).toEqual([200, "sent", at, null]);
    const input = { sessionId, messageId, actionId, sentAt };
    expect(asked).toEqual([{ path: "/rpc/messages/delete-for-me", body: input }]);
  });

  it("hides the message once its event has come: its content and its place in lists", async () => {
    const id = await message();
    const other = await message();
    await connectorOf(edge).report(sessionId, "message.deleted", { messageId: id });
    asked = [];
    const shown = await seeMessage(edge, { id });
    expect(shown).toMatchObject({ status: "sent", content: null, contentState: "dropped" });
    expect(shown.deletedAt).toEqual(expect.any(String));
    expect(asked).toEqual([]);
    expect(await listed()).toEqual([other]);
    expect(await listed(`sessionId=${sessionId}&type=text`)).toEqual([other]);
    const timeline = await edge.api<{ events: { type: string }[] }>(`GET /v1/messages/${id}/events`);
    expect(timeline.body.events.map(({ type }) => type)).toContain("message.deleted");
    // A receipt of its recipient still counts.
    await connectorOf(edge).report(sessionId, "message.delivered", { messageId: id });
    expect(await seeMessage(edge, { id })).toMatchObject({ status: "delivered", deletedAt: shown.deletedAt });
  });

  it("again changes nothing, and nothing else can be done with the message", async () => {
    const id = await message();
    await connectorOf(edge).report(sessionId, "message.deleted", { messageId: id });
    const { deletedAt } = await seeMessage(edge, { id });
    await connectorOf(edge).report(sessionId, "message.deleted", { messageId: id });
    asked = [];
    expect(await call(`DELETE /v1/messages/${id}?for=me`)).toMatchObject({ status: 200, body: { id, deletedAt } });
    for (const request of [`PUT /v1/messages/${id}/star`, `DELETE /v1/messages/${id}?for=everyone`]) {
      expect(await call(request)).toMatchObject({ status: 409, body: { code: "message-not-actionable" } });
    }
    expect(asked).toEqual([]);
  });

  it("by another workspace's connector, or of a code's message, hides nothing", async () => {
    const id = await message();
    const elsewhere = await edge.addSession();
    await connectorOf(edge).report(elsewhere, "message.deleted", { messageId: id });
    expect(await seeMessage(edge, { id })).toMatchObject({ deletedAt: null });
    const to = "+6281234567891";
    const { body } = await edge.api<{ delivery: { messageId: string } }>("POST /v1/verifications", { to });
    const { messageId } = body.delivery;
    await connectorOf(edge).report(sessionId, "message.deleted", { messageId });
    expect(await edge.rows(`SELECT deleted_at FROM message WHERE id = '${messageId}'`)).toEqual([{ deleted_at: null }]);
  });

  it.each(["", "?for=them"])("needs to know for whom: %s", async (query) => {
    const id = await message();
    expect(await call(`DELETE /v1/messages/${id}${query}`)).toMatchObject({ status: 400 });
    expect(asked).toEqual([]);
  });
});

it("the event of a deletion says nothing of a person", () => {
  const event = { id: "evt_01jd3k9v7hq2w8x5n4b6m0c1t0", seq: 1, sessionId: "ses_01jd3k9v7hq2w8x5n4b6m0c1t0", at };
  const about = { ...event, type: "message.deleted", messageId: "msg_01jd3k9v7hq2w8x5n4b6m0c1t0" };
  expect(ConnectorEvent.safeParse(about).success).toBe(true);
  expect(ConnectorEvent.safeParse({ ...about, personId: null }).success).toBe(false);
});
