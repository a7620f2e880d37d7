import { createId, type Message, type MessageList, type MessageReceipts, type Problem } from "@sandi/contracts";
import { webRandom } from "@sandi/crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import type { Edge } from "./harness.ts";
import { connectorOf, recipient, seeMessage, text } from "./senders.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
let connector: ReturnType<typeof connectorOf>;
beforeEach(async () => {
  sessionId = await edge.addSession();
  connector = connectorOf(edge);
});

const newId = (prefix: "cht" | "msg") => createId(prefix, edge.services.now(), webRandom(10));
const group = "120363025246125486@g.us";
const lid = "103457289341234@lid";
const chatId = "cht_01jd3k9v7hq2w8x5n4b6m0c1t0";
const personId = chatId.replace("cht", "per");

/** Somebody writes in a chat of the session. */
async function write(more: object = {}, from: string | null = recipient): Promise<string> {
  const messageId = newId("msg");
  const about = { chatId, chatKind: "person", personId, origin: null, to: null, type: "text" };
  const message = { messageId, ...about, isViewOnce: false, isOffline: false, ...more };
  await connector.report(sessionId, "message.received", { from, token: null, isForwarded: false, message });
  return messageId;
}
const problem = async (more: object, key = edge.workspace.key) => {
  const { status, body } = await edge.api<Problem>(
    "POST /v1/messages",
    { to: group, type: "text", text: "hi", ...more },
    { key },
  );
  return [status, body.code, ...(body.errors ?? []).map(({ pointer, message }) => `${pointer} ${message}`)];
};
const block = (rule: object) => edge.api("POST /v1/access-rules", { effect: "block", ...rule });

describe("a message to an address", () => {
  it.each([
    ["a chat", chatId, chatId],
    ["a person", personId, personId],
    ["a group", group, group],
    ["a group with an encoded jid", group.replace("@", "%40"), group],
    ["a group whose id has its creator's number", "6281234567890-1600000000@g.us", "62812•••7890-1600000000@g.us"],
    ["a hidden id", lid, "•••1234@lid"],
  ])("is sent by the only session, and shows where it goes: %s", async (_what, to, shown) => {
    const { status, body } = await text(edge, { to });
    expect([status, body.sessionId, body.to, body.status]).toEqual([202, sessionId, shown, "queued"]);
    const [row] = await edge.rows("SELECT to_masked, pool_id, country, prefix FROM message");
    expect(row).toMatchObject({ pool_id: null, country: "", prefix: "" });
    expect(JSON.stringify(row)).not.toContain("234567890");
  });

  it("needs a session where several could be meant, unless the chat is known", async () => {
    const other = await edge.addSession();
    const isRequired = "/sessionId is required: an address belongs to one session, and it is not known to which";
    expect(await problem({})).toEqual([400, "invalid-request", isRequired]);
    expect(await problem({ to: chatId })).toEqual([400, "invalid-request", isRequired]);
    expect((await text(edge, { to: group, sessionId: other })).body.sessionId).toBe(other);
    await write();
    expect((await text(edge, { to: chatId })).body.sessionId).toBe(sessionId);
    expect(await problem({ to: chatId, sessionId: other })).toEqual([
      400,
      "invalid-request",
      "/sessionId is not the session of this chat",
    ]);
  });

  it("finds no chat of another workspace", async () => {
    await write();
    const { id, key } = await edge.addWorkspace();
    await edge.addSession("online", id);
    await edge.addSession("online", id);
    expect((await problem({ to: chatId }, key)).slice(0, 2)).toEqual([400, "invalid-request"]);
  });

  it("is blocked by a rule for the number of the chat, for its prefix, and for a longer prefix that may be its", async () => {
    await write();
    for (const rule of [
      { kind: "number", value: recipient },
      { kind: "prefix", value: "+62812" },
      { kind: "prefix", value: "+62812345678" },
      { kind: "country", value: "ID" },
    ]) {
      const { body } = await block(rule);
      expect([rule, (await problem({ to: personId })).slice(0, 2)]).toEqual([rule, [403, "destination-blocked"]]);
      expect((await text(edge, { to: group, sessionId })).status).toBe(202);
      await edge.api(`DELETE /v1/access-rules/${(body as { id: string }).id}`);
    }
  });

  it("counts for the number of the chat, and a group by its id", async () => {
    await edge.api("PATCH /v1/workspace", { policy: { messagesPerRecipientPerHour: 2 } });
    await write();
    expect([(await text(edge)).status, (await text(edge, { to: chatId })).status]).toEqual([202, 202]);
    expect((await problem({ to: personId })).slice(0, 2)).toEqual([429, "rate-limited"]);
    expect((await problem({ to: recipient })).slice(0, 2)).toEqual([429, "rate-limited"]);
    for (const status of [202, 202, 429]) expect((await text(edge, { to: group, sessionId })).status).toBe(status);
    expect((await text(edge, { to: "120363025246125487@g.us", sessionId })).status).toBe(202);
  });

  it("opens no new chat in a group, or where somebody wrote", async () => {
    await write({}, null);
    await connector.lock(sessionId);
    expect((await text(edge, { to: chatId })).status).toBe(202);
    expect((await text(edge, { to: group })).status).toBe(202);
    expect((await problem({ to: lid })).slice(0, 2)).toEqual([409, "no-eligible-session"]);
  });

  it("is foreseen by a dry run", async () => {
    const run = await edge.api("POST /v1/messages", { to: group, type: "text", text: "hi", dryRun: true });
    expect([run.status, run.body]).toMatchObject([200, { wouldSend: true, sessionId }]);
    expect(await edge.count("message")).toBe(0);
  });

  it("is part of a batch", async () => {
    const { status, body } = await edge.api<{ id: string }>("POST /v1/batches", {
      message: { type: "text", text: "hi" },
      recipients: [{ to: group }, { to: recipient }],
      sessionId,
    });
    expect(status).toBe(202);
    await runCron(edge.services);
    const list = await edge.api<MessageList>(`GET /v1/batches/${body.id}/messages`);
    expect(new Set(list.body.messages.map(({ to }) => to))).toEqual(new Set(["+62812•••7890", group]));
  });

  it("is sent by the sandbox to anybody", async () => {
    const key = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
    const body = { to: group, type: "text", text: "hi" };
    const sent = await edge.api<Message>("POST /v1/messages", body, { key });
    const seen = await edge.api<Message>(`GET /v1/messages/${sent.body.id}`, undefined, { key });
    expect([seen.body.status, seen.body.to, seen.body.sessionId]).toEqual(["read", group, null]);
  });

  it("does not take a code", async () => {
    const { status, body } = await edge.api<Problem>("POST /v1/verifications", { to: group });
    expect([status, body.errors?.[0]?.pointer]).toEqual([400, "/to"]);
  });
});

describe("a message that was sent", () => {
  it("has its chat, so that a list shows both directions, and the chat leads to the number", async () => {
    const { body } = await text(edge);
    await connector.report(sessionId, "message.sent", { messageId: body.id, chatId });
    expect((await seeMessage(edge, body)).chatId).toBe(chatId);
    await write();
    const { body: list } = await edge.api<MessageList>(`GET /v1/messages?chatId=${chatId}`);
    expect(new Set(list.messages.map(({ direction }) => direction))).toEqual(new Set(["inbound", "outbound"]));
    await block({ kind: "number", value: recipient });
    expect((await problem({ to: chatId })).slice(0, 2)).toEqual([403, "destination-blocked"]);
  });

  it("keeps the chat of its own session", async () => {
    await write();
    const other = await edge.addSession();
    const { body } = await text(edge, { sessionId: other });
    await connector.report(other, "message.sent", { messageId: body.id, chatId });
    expect((await text(edge, { to: chatId })).body.sessionId).toBe(sessionId);
  });

  it("leaves no chat behind when another account is linked", async () => {
    const online = { state: "online", reason: null, revision: 1 };
    await connector.report(sessionId, "session.state", { ...online, phone: "+6281200000001" });
    await write();
    await connector.report(sessionId, "session.state", { ...online, phone: "+6281200000001" });
    expect(await edge.count("chat")).toBe(1);
    await connector.report(sessionId, "session.state", { ...online, phone: "+6281200000009" });
    expect(await edge.count("chat")).toBe(0);
  });

  it("is forgotten with its chat when nobody has written there for a year", async () => {
    await write();
    const day = 86_400_000;
    edge.advance(364 * day);
    await runCron(edge.services);
    expect(await edge.count("chat")).toBe(1);
    edge.advance(2 * day);
    await runCron(edge.services);
    expect(await edge.count("chat")).toBe(0);
  });

  it("leaves no chat behind when its session is deleted", async () => {
    await write();
    expect(await edge.count("chat")).toBe(1);
    await edge.client.execute({ sql: "DELETE FROM session WHERE id = ?", args: [sessionId] });
    expect(await edge.count("chat")).toBe(0);
  });
});

describe("a quote of a received message", () => {
  it("is sent by the session of that message, to its chat and to its number", async () => {
    const quotedMessageId = await write();
    await edge.addSession();
    for (const to of [recipient, chatId, personId]) {
      const { status, body } = await text(edge, { to, quotedMessageId });
      expect([to, status, body.sessionId]).toEqual([to, 202, sessionId]);
    }
  });

  it("stays in its chat", async () => {
    const quotedMessageId = await write();
    const other = [400, "invalid-request", "/quotedMessageId is a message of another chat"];
    expect(await problem({ to: "+6281234567891", quotedMessageId })).toEqual(other);
    expect(await problem({ to: group, quotedMessageId })).toEqual(other);
    expect(await problem({ to: newId("cht"), quotedMessageId })).toEqual(other);
  });

  it("goes to the jid of a group whose chat the edge cannot compare", async () => {
    const quotedMessageId = await write({ chatKind: "group", chatId: newId("cht") });
    expect((await text(edge, { to: group, quotedMessageId })).status).toBe(202);
  });
});

const receipts = (id: string) => edge.api<MessageReceipts>(`GET /v1/messages/${id}/receipts`);
function answer(body: object): void {
  edge.connector = () => ({ status: 200, body });
}

describe("receipts", () => {
  const person = { id: personId, phone: recipient, lid, username: null, name: "Siti" };
  const at = "2026-12-01T09:00:00.000Z";

  it("of a message to one person have the times of the message", async () => {
    answer({ receipts: null, person });
    const { body } = await text(edge);
    expect((await receipts(body.id)).body).toEqual({ receipts: [] });
    await connector.report(sessionId, "message.read", { messageId: body.id });
    const message = await seeMessage(edge, body);
    const { deliveredAt, readAt } = message;
    expect((await receipts(body.id)).body).toEqual({ receipts: [{ person, deliveredAt, readAt, playedAt: null }] });
  });

  it("of a message to a group are those that the connector keeps", async () => {
    const kept = [{ person, deliveredAt: at, readAt: null, playedAt: null }];
    const { body } = await text(edge, { to: group });
    await connector.sent(body.id, sessionId);
    answer({ receipts: kept, person: null });
    expect((await receipts(body.id)).body).toEqual({ receipts: kept });
    edge.connector = () => undefined;
    expect((await receipts(body.id)).status).toBe(503);
  });

  it("of what somebody wrote are none", async () => {
    expect((await receipts(await write())).body).toEqual({ receipts: [] });
  });
});
