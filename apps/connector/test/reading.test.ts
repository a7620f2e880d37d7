import type { Chat, ListedMessage, Person } from "@sandi/contracts";
import { expect, test } from "vitest";
import { conversationsOf } from "./support/conversations.ts";
import { until } from "./support/fake-edge.ts";
import { other, own, user, useLinkedSession } from "./support/linked-session.ts";
import { newId, type Rig, sendJob } from "./support/rig.ts";

let rig: Rig;
let sessionId: string;
useLinkedSession((started) => ({ rig, sessionId } = started));

async function call<Answer>(path: string, body: object): Promise<Answer> {
  const response = await rig.edge.rpc(path, { sessionId, ...body });
  expect([path, response.status]).toEqual([path, 200]);
  return (await response.json()) as Answer;
}
interface Page {
  messages: ListedMessage[];
  nextCursor: string | null;
  isComplete: boolean;
}
const list = (more: object = {}) => call<Page>("/rpc/messages/list", { limit: 100, ...more });
const texts = async (more: object = {}) => (await list(more)).messages.map(({ content }) => content?.["text"]);

const { written } = conversationsOf(() => ({ rig, sessionId }));

const jobOf = (messageId: string) => ({
  ...sendJob(messageId, sessionId),
  lane: "normal" as const,
  pacing: "off" as const,
});
async function sent(to: string, text: string): Promise<string> {
  const messageId = newId("msg");
  await rig.edge.accept(messageId, { to, type: "text", text });
  await rig.edge.deliverUntilDone("/jobs/send", jobOf(messageId));
  return messageId;
}
const shownId = async (text: string) => (await rig.simulator.waitForMessage(user, (one) => one.text === text)).id;

test("received and sent messages are in one list in the order of time, with one chat, and no code is among them", async () => {
  await written(user, { to: own, text: "satu", addressing: "lid" });
  const reply = await sent(user, "dua");
  await written(own, { to: user, text: "tiga" });
  await rig.send(sessionId, { to: user, code: "123456" });
  await written(other, { to: own, text: "empat" });
  expect(await texts()).toEqual(["empat", "tiga", "dua", "satu"]);
  const { messages } = await list();
  expect(messages.map(({ direction, origin, from }) => [direction, origin, from?.phone])).toEqual([
    ["inbound", null, other],
    ["outbound", "phone", undefined],
    ["outbound", "api", undefined],
    ["inbound", null, user],
  ]);
  expect(new Set(messages.slice(1).map(({ chatId }) => chatId)).size).toBe(1);
  expect(messages[2]?.id).toBe(reply);
  expect(await texts({ chatId: messages[1]?.chatId, direction: "outbound" })).toEqual(["tiga", "dua"]);

  const first = await list({ limit: 3 });
  const rest = await list({ limit: 3, cursor: first.nextCursor });
  expect([...first.messages, ...rest.messages].map(({ id }) => id)).toEqual(messages.map(({ id }) => id));
  expect([first.isComplete, rest.nextCursor]).toEqual([true, null]);
});

test("words find messages of both directions, until they are edited away or deleted", async () => {
  const { waId: theirs } = await written(user, { to: own, text: "Di mana PESANAN saya?" });
  await sent(user, "Pesanan Anda dikirim besok.");
  expect(await texts({ q: "pesanan" })).toEqual(["Pesanan Anda dikirim besok.", "Di mana PESANAN saya?"]);
  expect(await texts({ q: "saya pesanan" })).toEqual(["Di mana PESANAN saya?"]);
  expect(await texts({ q: "pesan" })).toEqual([]);
  const before = rig.edge.events.length;
  await rig.simulator.send(user, { to: own, edit: theirs, text: "Sudah sampai" });
  await until("it is reported", () => rig.edge.events.length > before);
  expect(await texts({ q: "saya" })).toEqual([]);
  expect(await texts({ q: "sampai" })).toEqual(["Sudah sampai"]);
  await rig.simulator.send(user, { to: own, delete: theirs });
  await until("it is deleted", () => rig.edge.events.some(({ type }) => type === "message.revoked"));
  expect(await texts({ q: "sampai" })).toEqual([]);
  expect((await list()).messages.map(({ content, isRevoked }) => [content === null, isRevoked])).toContainEqual([
    true,
    true,
  ]);
});

test("what the owner deletes on the phone of a message of the API is deleted here, and is reported once", async () => {
  const messageId = await sent(user, "rahasia");
  const waId = await shownId("rahasia");
  await rig.simulator.send(own, { to: user, delete: waId });
  await until("it is reported", () => rig.edge.typesOf(messageId).includes("message.revoked"));
  expect(await list({ q: "rahasia" })).toMatchObject({ messages: [] });
  expect((await list()).messages).toMatchObject([{ id: messageId, content: null, isRevoked: true }]);
  expect(rig.edge.typesOf(messageId).filter((type) => type === "message.revoked")).toHaveLength(1);
});

test("a message that was not sent is not in the list, and is there once it is sent", async () => {
  rig.simulator.setFault({ kind: "send-error", code: 463, to: user, times: 2 });
  const messageId = await sent(user, "lagi");
  await until("it has failed", () => rig.edge.failureOf(messageId));
  expect((await list()).messages).toEqual([]);
  rig.edge.retry(messageId);
  await rig.edge.deliverUntilDone("/jobs/send", jobOf(messageId));
  await until("it is sent", () => rig.edge.typesOf(messageId).includes("message.sent"));
  expect(await texts({ q: "lagi" })).toEqual(["lagi"]);
});

test("a policy that keeps nothing keeps nothing of sent messages either", async () => {
  rig.edge.contentMs = { [sessionId]: 0 };
  await written(user, { to: own, text: "satu" });
  const messageId = await sent(user, "dua");
  expect((await list({ q: "dua" })).messages).toEqual([]);
  expect((await list()).messages[0]).toMatchObject({ id: messageId, content: null, type: "text" });
  const read = await call<Page>("/rpc/messages/read", { messageIds: [messageId] });
  expect(read.messages).toMatchObject([{ id: messageId, content: null }]);
});

test("chats are listed by their latest message, and people are found by id and by hidden id", async () => {
  const { id: group } = rig.simulator.createGroup(user, { subject: "Tim", participants: [own, other] });
  await written(user, { to: own, text: "satu" });
  await written(other, { to: group, text: "dua" });
  await sent(other, "tiga");
  const chats = async (more: object = {}) =>
    (await call<{ chats: Chat[] }>("/rpc/chats/list", { limit: 100, ...more })).chats;
  expect((await chats()).map(({ kind, address }) => [kind, address])).toEqual([
    ["person", other],
    ["group", group],
    ["person", user],
  ]);
  expect((await chats({ kind: "group" })).map(({ address }) => address)).toEqual([group]);
  const first = await call<{ chats: Chat[]; nextCursor: string }>("/rpc/chats/list", { limit: 1 });
  expect((await chats({ cursor: first.nextCursor })).map(({ address }) => address)).toEqual([group, user]);
  await sent(user, "empat");
  expect((await chats())[0]?.address).toBe(user);

  const { from } = (await list({ q: "satu" })).messages[0]!;
  const person = await call<Person>("/rpc/people/get", { person: from?.id });
  expect(person).toEqual(from);
  expect(person).toMatchObject({ phone: user, lid: expect.stringMatching(/@lid$/) });
  expect(await call<Person>("/rpc/people/get", { person: person.lid })).toEqual(person);
  const unknown = await rig.edge.rpc("/rpc/people/get", { sessionId, person: "1000000001@lid" });
  expect([unknown.status, ((await unknown.json()) as { code: string }).code]).toEqual([404, "person-not-found"]);
  const chatOfGroup = (await chats({ kind: "group" }))[0]!.id.replace("cht_", "per_");
  expect((await rig.edge.rpc("/rpc/people/get", { sessionId, person: chatOfGroup })).status).toBe(404);
});
