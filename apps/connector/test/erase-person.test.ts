import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import type { ErasePersonRpc } from "@sandi/contracts";
import { expect, test } from "vitest";
import type { z } from "zod";
import { conversationsOf } from "./support/conversations.ts";
import { until } from "./support/fake-edge.ts";
import { other, own, user, useLinkedSession } from "./support/linked-session.ts";
import { newId, type Rig, sendJob } from "./support/rig.ts";

let rig: Rig;
let sessionId: string;
useLinkedSession((started) => ({ rig, sessionId } = started));

type Answer = z.output<typeof ErasePersonRpc.response>;

const { messages, written, read } = conversationsOf(() => ({ rig, sessionId }));
async function sentText(to: string, text: string): Promise<string> {
  const id = newId("msg");
  await rig.edge.accept(id, { to, type: "text", text });
  await rig.edge.deliverUntilDone("/jobs/send", { ...sendJob(id, sessionId), lane: "normal", pacing: "off" });
  await until("it is read", () => rig.edge.typesOf(id).includes("message.read"));
  return id;
}
async function erase(named: { phones?: string[]; lids?: string[]; chatIds?: string[] }, of = sessionId) {
  const request = { sessionId: of, requestedAt: new Date().toISOString(), phones: [], lids: [], chatIds: [], ...named };
  const response = await rig.edge.rpc("/rpc/people/erase", request);
  return { status: response.status, body: (await response.json()) as Answer };
}
function rows(sql: string): Record<string, unknown>[] {
  const db = new DatabaseSync(join(rig.folder, "connector.db"), { timeout: 5000 });
  try {
    return db.prepare(sql).all();
  } finally {
    db.close();
  }
}
const count = (table: string) => Number(rows(`SELECT count(*) AS n FROM ${table}`)[0]!["n"]);

test("erases a person in one session: chat, messages, what they wrote in groups, marks, sends and numbers", async () => {
  const { id: jid } = rig.simulator.createGroup(other, { subject: "Tim", participants: [own, user] });
  const theirs = await written(user, { to: own, text: "halo" });
  const ours = await written(own, { to: user, text: "apa kabar" });
  const inGroup = await written(user, { to: jid, text: "dari saya" });
  const kept = await written(other, { to: jid, text: "dari dia" });
  await rig.simulator.send(user, { to: jid, reactTo: kept.waId, emoji: "👍" });
  await until("the reaction is reported", () => rig.edge.events.some(({ type }) => type === "message.reaction"));
  const sent = await sentText(user, "Pesanan Anda");
  const before = { identities: count("identity"), numbers: count("number") };

  const { status, body } = await erase({ phones: [user] });
  expect([status, body]).toMatchObject([
    200,
    { isDone: true, phones: [user], chatIds: [theirs.chatId], chats: 1, messages: 4, marks: 1, sends: 1 },
  ]);
  expect(body.lids).toEqual([expect.stringMatching(/@lid$/)]);
  expect(body.numbers).toBeGreaterThan(0);
  expect(await read(theirs.messageId, ours.messageId, inGroup.messageId)).toEqual([]);
  expect(await read(kept.messageId)).toMatchObject([{ content: { text: "dari dia" }, reactions: [] }]);
  // The entry stays, so that the message is not sent a second time.
  expect(rows("SELECT message_id, chat, chat_lid, conversation_id, sealed, sealed_chat FROM ledger")).toEqual([
    { message_id: sent, chat: null, chat_lid: null, conversation_id: null, sealed: null, sealed_chat: null },
  ]);
  expect(count("message")).toBe(1);
  expect(count("conversation_address")).toBe(count("conversation") + 1);
  expect([count("identity"), count("number")]).toEqual([before.identities - 1, before.numbers - body.numbers]);

  const again = await erase({ phones: [user] });
  expect(again.body).toMatchObject({ isDone: true, chats: 0, messages: 0, marks: 0, sends: 0, numbers: 0 });
});

test.each(["lids", "chatIds"] as const)("finds the person by %s", async (by) => {
  const { chatId, messageId } = await written(user, { to: own, text: "halo" });
  const named = by === "lids" ? [`${rig.simulator.phone(user).lid}@lid`] : [chatId];
  const { body } = await erase({ [by]: named });
  expect(body).toMatchObject({ phones: [user], chatIds: [chatId], messages: 1, chats: 1 });
  expect(await read(messageId)).toEqual([]);
});

test("the id of a group erases nobody", async () => {
  const { id: jid } = rig.simulator.createGroup(other, { subject: "Tim", participants: [own, user] });
  const { chatId, messageId } = await written(user, { to: jid, text: "dari saya" });
  expect((await erase({ chatIds: [chatId] })).body).toMatchObject({ phones: [], chatIds: [], messages: 0, chats: 0 });
  expect(await read(messageId)).toMatchObject([{ content: { text: "dari saya" } }]);
});

test("what was written before does not come back, and what is written later is of a new contact", async () => {
  const first = await written(user, { to: own, text: "halo" });
  await rig.stop();
  await rig.simulator.send(user, { to: own, text: "tertunda" });
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  // The person is erased before the message that waits at WhatsApp arrives.
  rig.simulator.setFault({ kind: "login-failure", number: own, reason: 503 });
  await rig.start();
  await until("the session has an owner", async () => (await erase({ phones: [user] })).status === 200);
  rig.simulator.clearFaults();
  const known = messages().length;
  await until("the session is online", async () => {
    const queued = rig.simulator.phone(own).devices.every((device) => device.queued === 0);
    return queued && rig.edge.statesOf(sessionId).at(-1) === "online";
  });
  expect(count("message")).toBe(0);

  await rig.simulator.send(user, { to: own, edit: first.waId, text: "halo!" });
  await rig.simulator.send(user, { to: own, reactTo: first.waId, emoji: "👍" });
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const later = await written(user, { to: own, text: "saya lagi" });
  expect(messages()).toHaveLength(known + 1);
  expect(later.chatId).not.toBe(first.chatId);
  expect(await read(later.messageId)).toMatchObject([{ content: { text: "saya lagi" }, from: { phone: user } }]);
  expect(rig.edge.events.filter(({ type }) => ["message.edited", "message.reaction"].includes(type))).toEqual([]);
});

const waiting = () => rows("SELECT body FROM outbox");

test("events that the edge does not have yet are not delivered any more", async () => {
  rig.edge.isDown = true;
  await rig.simulator.send(user, { to: own, text: "halo" });
  await until("the event waits", () => waiting().some(({ body }) => String(body).includes("message.received")));
  expect((await erase({ phones: [user] })).body).toMatchObject({ messages: 1, chats: 1 });
  expect(waiting().filter(({ body }) => String(body).includes("message.received"))).toEqual([]);
  rig.edge.isDown = false;
  await written(other, { to: own, text: "hi" });
  expect(messages()).toHaveLength(1);
});

const contents = () => rows("SELECT sealed_content FROM outbox WHERE sealed_content IS NOT NULL");

test("what the account wrote is not delivered with its waiting events any more", async () => {
  const sent = await sentText(user, "Pesanan Anda");
  const [{ id: waId } = { id: "" }] = rig.simulator.messages(user);
  rig.edge.isDown = true;
  await rig.simulator.send(own, { to: user, edit: waId, text: "Pesanan Budi" });
  await until("the event waits", () => contents().length === 1);
  await erase({ phones: [user] });
  expect(contents()).toEqual([]);
  rig.edge.isDown = false;
  const edited = await until("it is reported", () => rig.edge.events.find(({ type }) => type === "message.edited"));
  expect(edited).toMatchObject({ messageId: sent, personId: null });
  expect(edited).not.toHaveProperty("content");
});

test("a receipt of an erased person brings nobody back", async () => {
  rig.simulator.updatePhone(user, { online: false });
  const id = newId("msg");
  await rig.edge.accept(id, { to: user, type: "text", text: "Pesanan Anda" });
  await rig.edge.deliverUntilDone("/jobs/send", { ...sendJob(id, sessionId), lane: "normal", pacing: "off" });
  await until("it is sent", () => rig.edge.typesOf(id).includes("message.sent"));
  expect((await erase({ phones: [user] })).body).toMatchObject({ sends: 1, isDone: true });
  const numbers = count("number");
  expect([count("chat"), count("identity")]).toEqual([0, 1]);
  rig.simulator.updatePhone(user, { online: true });
  await rig.simulator.waitForMessage(user, ({ text, status }) => text === "Pesanan Anda" && status === "read");
  await until("all is confirmed", () => rig.simulator.phone(own).devices.every(({ queued }) => queued === 0));
  expect(rows("SELECT chat, chat_lid FROM ledger")).toEqual([{ chat: null, chat_lid: null }]);
  expect([count("chat"), count("identity"), count("number")]).toEqual([0, 1, numbers]);
});

test("nothing is erased for another session or workspace, and an unknown session has nothing", async () => {
  const second = await rig.pair("+6281200000009", "ws_01jd3k9v7hq2w8x5n4b6m0c1tb");
  await rig.simulator.send(user, { to: "+6281200000009", text: "halo" });
  await until("it is reported", () => messages().length === 1);
  expect((await erase({ phones: [user] })).body).toMatchObject({ messages: 0, chats: 0 });
  expect(count("message")).toBe(1);
  expect((await erase({ phones: [user] }, newId("ses"))).status).toBe(404);
  expect((await erase({ phones: [user] }, second)).body).toMatchObject({ messages: 1, chats: 1 });
});
