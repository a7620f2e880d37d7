import { eventsPath, type Message, type MessageList, type StoredMessage } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { connectorOf, recipient, seeMessage, text } from "./senders.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
let asked: { path: string; body: unknown }[];
let stored: Partial<StoredMessage>[];
beforeEach(async () => {
  sessionId = await edge.addSession();
  asked = [];
  stored = [];
  edge.connector = (path, body) => {
    asked.push({ path, body });
    return { status: 200, body: { messages: stored } };
  };
});

const tail = (n: number) => `01jd3k9v7hq2w8x5n4b6m0c1t${n}`;
const chatId = `cht_${tail(0)}`;
const personId = `per_${tail(0)}`;
const about = {
  messageId: `msg_${tail(1)}`,
  chatId,
  chatKind: "person",
  personId,
  origin: null,
  to: null,
  type: "text",
  isViewOnce: false,
  isOffline: true,
};
const message = (more: object = {}) => ({
  from: recipient,
  token: null,
  isForwarded: false,
  message: { ...about, ...more },
});
const receive = (more: object = {}) => connectorOf(edge).report(sessionId, "message.received", message(more));
const get = () => seeMessage(edge, { id: about.messageId });
const person = { id: personId, phone: recipient, lid: "1@lid", username: null, name: "Siti" };
const keptText = { id: about.messageId, from: person, content: { type: "text", text: "halo" }, quotedMessageId: null };

describe("a received message", () => {
  it("is a row without its content, and is shown with what the connector keeps", async () => {
    await connectorOf(edge).state(sessionId, "online");
    await receive();
    stored = [{ ...keptText, reactions: [], votes: [] }];
    expect(await get()).toMatchObject({
      direction: "inbound",
      origin: null,
      chatId,
      from: person,
      to: "+62812•••0001",
      type: "text",
      status: "received",
      content: { type: "text", text: "halo" },
      contentState: "kept",
      isOffline: true,
      expiresAt: null,
    });
    expect(asked).toEqual([{ path: "/rpc/messages/read", body: { sessionId, messageIds: [about.messageId] } }]);
    const [row] = await edge.rows("SELECT * FROM message");
    expect(JSON.stringify(row)).not.toContain("halo");
    expect(JSON.stringify(row)).not.toContain(recipient.slice(1));
    expect(await edge.rows("SELECT type, message_id FROM event")).toContainEqual({
      type: "message.received",
      message_id: about.messageId,
    });
  });

  it("is stored once, however often its event comes, and gets its type when it can be read", async () => {
    await receive({ type: "undecryptable" });
    await receive();
    await receive();
    expect((await get()).type).toBe("text");
    expect(await edge.count("message")).toBe(1);
    const { length } = await edge.rows("SELECT 1 FROM event WHERE type = 'message.received'");
    expect(length).toBe(2);
  });

  it("is listed by direction and chat, with one call to its connector", async () => {
    await receive();
    const sent = (await text(edge, { sessionId })).body;
    const list = async (query: string) =>
      (await edge.api<MessageList>(`GET /v1/messages?${query}`)).body.messages.map(({ id }) => id);
    expect(await list("direction=inbound")).toEqual([about.messageId]);
    expect(await list("direction=outbound")).toEqual([sent.id]);
    expect(await list(`chatId=${chatId}`)).toEqual([about.messageId]);
    expect(asked).toHaveLength(2);
  });

  it("hides number and content from keys without message:read, and asks no connector for them", async () => {
    await receive();
    const key = await edge.addKey(edge.workspace.id, ["message:send"]);
    const { body } = await edge.api<Message>(`GET /v1/messages/${about.messageId}`, undefined, { key });
    expect(body).toMatchObject({ content: null, contentState: null, from: { phone: "+62812•••7890", name: null } });
    expect(asked).toEqual([]);
  });

  it("is shown without its content while the connector is away", async () => {
    await receive();
    edge.connector = () => undefined;
    expect(await get()).toMatchObject({ content: null, contentState: "unavailable", from: { phone: "+62812•••7890" } });
  });

  it.each([
    ["drop", 0, "dropped"],
    ["pass", 3, "expired"],
    ["keep", 30, "expired"],
  ] as const)("is kept by the policy %s, for %i days", async (messageContent, days, contentState) => {
    await edge.api("PATCH /v1/workspace", { policy: { messageContent } });
    const event = { id: `evt_${tail(0)}`, seq: 1, sessionId, at: edge.services.now().toISOString() };
    const events = [{ ...event, type: "message.received", ...message() }];
    const { body } = await edge.internal(eventsPath, { connectorId: "a", events });
    expect(body).toEqual({ applied: 1, contentMs: { [sessionId]: days * 86_400_000 } });
    edge.advance(days * 86_400_000);
    expect((await get()).contentState).toBe(contentState);
  });

  it("has a timeline of what people do with it", async () => {
    await receive();
    const { report } = connectorOf(edge);
    edge.advance(1000);
    await report(sessionId, "message.reaction", { messageId: about.messageId, personId });
    await report(sessionId, "message.edited", { messageId: about.messageId, personId });
    await report(sessionId, "message.revoked", { messageId: about.messageId });
    expect(await get()).toMatchObject({ status: "revoked", contentState: "dropped", editedAt: expect.any(String) });
    const timeline = await edge.api<{ events: { type: string }[] }>(`GET /v1/messages/${about.messageId}/events`);
    expect(timeline.body.events.map(({ type }) => type)).toEqual([
      "message.received",
      "message.reaction",
      "message.edited",
      "message.revoked",
    ]);
  });

  it("shows the votes of a poll by option", async () => {
    await receive({ type: "poll" });
    const content = { type: "poll", question: "Kapan?", options: ["Pagi", "Sore"], maxSelections: 1 };
    const votes = [{ from: person, options: ["Sore"], at: edge.services.now().toISOString() }];
    stored = [{ ...keptText, content, reactions: [], votes }];
    expect((await get()).votes).toEqual([
      { option: "Pagi", count: 0, people: [] },
      { option: "Sore", count: 1, people: [person] },
    ]);
  });

  it("opens a chat with its author, but not in a group", async () => {
    await receive({ chatKind: "group", messageId: `msg_${tail(2)}` });
    expect(await edge.count("warm_contact")).toBe(0);
    await receive();
    expect(await edge.count("warm_contact")).toBe(1);
  });

  it("is not seen by another workspace", async () => {
    await receive();
    const { key } = await edge.addWorkspace();
    expect((await edge.api(`GET /v1/messages/${about.messageId}`, undefined, { key })).status).toBe(404);
    expect((await edge.api<MessageList>("GET /v1/messages", undefined, { key })).body.messages).toEqual([]);
    expect(asked).toEqual([]);
  });
});

it("what the owner writes on the phone is outbound, and opens no chat", async () => {
  await receive({ origin: "phone", personId: null, to: recipient });
  expect(await get()).toMatchObject({
    direction: "outbound",
    origin: "phone",
    from: null,
    to: "+62812•••7890",
    status: "sent",
  });
  expect(await edge.count("warm_contact")).toBe(0);
});
