import { eventsPath, type ListedMessage, ListMessagesRpc, type SessionMessageList } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { pattern, receiveFile } from "./media-world.ts";
import { connectorOf, recipient, text } from "./senders.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
let asked: unknown[];
let answer: { messages: ListedMessage[]; nextCursor: string | null; isComplete: boolean };
beforeEach(async () => {
  sessionId = await edge.addSession();
  asked = [];
  answer = { messages: [], nextCursor: null, isComplete: true };
  edge.connector = (path, body) => {
    asked.push([path, body]);
    return { status: 200, body: answer };
  };
});

const tail = (n: number) => `01jd3k9v7hq2w8x5n4b6m0c1t${n}`;
const chatId = `cht_${tail(0)}`;
const person = { id: `per_${tail(0)}`, phone: recipient, lid: "1@lid", username: null, name: "Siti" };
const listed = (id: string, more: Partial<ListedMessage> = {}): ListedMessage => ({
  id,
  chatId,
  direction: "outbound",
  origin: "api",
  type: "text",
  from: null,
  content: { type: "text", text: "halo" },
  quotedMessageId: null,
  reactions: [],
  votes: [],
  isStarred: false,
  isPinned: false,
  isForwarded: false,
  isRevoked: false,
  at: edge.services.now().toISOString(),
  ...more,
});
const list = (query = "", more: { key?: string } = {}) =>
  edge.api<SessionMessageList>(`GET /v1/sessions/${sessionId}/messages${query}`, undefined, more);

describe("a session's messages", () => {
  it("are listed as the connector has them, with what only the edge knows", async () => {
    const sent = (await text(edge, { sessionId, metadata: { orderId: "A-1042" } })).body;
    await connectorOf(edge).sent(sent.id, sessionId);
    const inbound = listed(`msg_${tail(1)}`, { direction: "inbound", origin: null, from: person });
    answer = { messages: [inbound, listed(sent.id)], nextCursor: tail(2), isComplete: true };
    const { status, body } = await list("?limit=2");
    expect([status, body.nextCursor, body.isComplete]).toEqual([200, tail(2), true]);
    expect(body.messages).toMatchObject([
      // The edge has no row of it.
      { id: inbound.id, direction: "inbound", status: "received", chatId, from: person, contentState: "kept" },
      { id: sent.id, status: "sent", chatId, metadata: { orderId: "A-1042" }, content: { text: "halo" } },
    ]);
    expect(asked).toEqual([[ListMessagesRpc.path, { sessionId, limit: 2 }]]);
  });

  it("have links to their files", async () => {
    const id = `msg_${tail(4)}`;
    const { mediaId } = await receiveFile(edge, { sessionId, messageId: id }, pattern(100));
    const media = { mediaId, mediaState: "stored", mimeType: "image/jpeg", sizeBytes: 100, sha256: "0".repeat(64) };
    answer.messages = [listed(id, { direction: "inbound", origin: null, content: { type: "image", media } })];
    const [message] = (await list()).body.messages;
    expect(message?.content).toMatchObject({
      media: { mediaId, url: expect.stringContaining(`/${mediaId}/content?`) },
    });
  });

  it("are filtered at the connector", async () => {
    const filters = {
      chatId,
      q: "halo apa",
      direction: "inbound",
      type: "text",
      createdAfter: "2026-11-20T08:00:00.000Z",
      createdBefore: "2026-11-21T08:00:00.000Z",
      cursor: tail(3),
    };
    await list(`?${new URLSearchParams({ ...filters, limit: "7" }).toString()}`);
    const search = `POST /v1/sessions/${sessionId}/messages/search`;
    expect((await edge.api(search, { ...filters, limit: 7 })).status).toBe(200);
    const expected = [ListMessagesRpc.path, { sessionId, ...filters, limit: 7 }];
    expect(asked).toEqual([expected, expected]);
  });

  it("are searched by words, and by numbers only in a body", async () => {
    const number = await edge.api<{ errors: { pointer: string }[] }>(
      `GET /v1/sessions/${sessionId}/messages?q=0812-3456-789`,
    );
    expect([number.status, number.body.errors[0]?.pointer]).toEqual([400, "query/q"]);
    expect((await list("?q=%F0%9F%93%A6")).status).toBe(400);
    expect(asked).toEqual([]);
    const search = `POST /v1/sessions/${sessionId}/messages/search`;
    expect((await edge.api(search, { q: "0812-3456-789" })).status).toBe(200);
  });

  it("are shown to keys with message:read, of sessions of their workspace", async () => {
    const key = await edge.addKey(edge.workspace.id, ["message:send", "session:manage"]);
    expect((await list("", { key })).status).toBe(403);
    const stranger = await edge.addWorkspace();
    expect((await list("", { key: stranger.key })).status).toBe(404);
    expect(asked).toEqual([]);
  });

  it("have no content where the policy keeps none, or where it was deleted", async () => {
    await edge.api("PATCH /v1/workspace", { policy: { messageContent: "drop" } });
    const sent = (await text(edge, { sessionId })).body;
    await connectorOf(edge).sent(sent.id, sessionId);
    const revoked = listed(`msg_${tail(1)}`, { isRevoked: true, content: null });
    answer = { messages: [listed(sent.id, { content: null }), revoked], nextCursor: null, isComplete: true };
    expect((await list()).body.messages).toMatchObject([
      { status: "sent", content: null, contentState: "dropped" },
      { status: "revoked", content: null, contentState: "dropped" },
    ]);
  });

  it("are kept as the policy says, also by a session that only sends", async () => {
    await edge.api("PATCH /v1/workspace", { policy: { messageContent: "pass" } });
    const sent = (await text(edge, { sessionId })).body;
    const event = { id: `evt_${tail(0)}`, seq: 1, sessionId, at: edge.services.now().toISOString() };
    const report = async (more: object) =>
      (await edge.internal(eventsPath, { connectorId: "a", events: [{ ...event, messageId: sent.id, ...more }] })).body;
    expect(await report({ type: "message.sent" })).toEqual({ applied: 1 });
    expect(await report({ type: "message.sent", chatId })).toEqual({
      applied: 1,
      contentMs: { [sessionId]: 3 * 86_400_000 },
    });
  });

  it("need the connector", async () => {
    edge.connector = () => undefined;
    expect((await list()).body).toMatchObject({ code: "connector-unavailable", status: 503 });
  });
});

it("chats and people are the connector's, with a page in the query and a person in the path", async () => {
  const lastMessageAt = "2026-11-21T08:00:00.000Z";
  const chat = { id: chatId, kind: "person", address: recipient, name: "Siti", lastMessageAt };
  edge.connector = (path, body) => {
    asked.push([path, body]);
    return { status: 200, body: path === "/rpc/chats/list" ? { chats: [chat], nextCursor: null } : person };
  };
  const chats = await edge.api(`GET /v1/sessions/${sessionId}/chats?kind=person&limit=5`);
  expect([chats.status, chats.body]).toEqual([200, { chats: [chat], nextCursor: null }]);
  const found = await edge.api(`GET /v1/sessions/${sessionId}/people/${person.id}`);
  expect([found.status, found.body]).toEqual([200, person]);
  expect(asked).toEqual([
    ["/rpc/chats/list", { sessionId, kind: "person", limit: 5 }],
    ["/rpc/people/get", { sessionId, person: person.id }],
  ]);
  edge.connector = () => ({ status: 404, body: { code: "person-not-found" } });
  const unknown = await edge.api(`GET /v1/sessions/${sessionId}/people/1000001@lid`);
  expect([unknown.status, unknown.body]).toMatchObject([404, { code: "person-not-found" }]);
  expect((await edge.api(`GET /v1/sessions/${sessionId}/people/%2B6281234567890`)).status).toBe(404);
});
