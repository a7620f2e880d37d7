import type { ConnectorEvent } from "@sandi/contracts";
import { expect, test } from "vitest";
import { conversationsOf } from "./support/conversations.ts";
import { until } from "./support/fake-edge.ts";
import { other, own, user, useLinkedSession } from "./support/linked-session.ts";
import { newId, type Rig, sendJob } from "./support/rig.ts";

let rig: Rig;
let sessionId: string;
useLinkedSession((started) => ({ rig, sessionId } = started));

type Event<Type extends ConnectorEvent["type"]> = Extract<ConnectorEvent, { type: Type }>;
const eventsOf = <Type extends ConnectorEvent["type"]>(type: Type) =>
  rig.edge.events.filter((event): event is Event<Type> => event.type === type);
const { messages, written, read } = conversationsOf(() => ({ rig, sessionId }));

/** Who voted for what. */
const chosen = async (id: string) =>
  (await read(id))[0]!.votes.map(({ from, options }) => [from?.phone, options] as const);

test("a person has one chat by number and by LID, and what they write can be read", async () => {
  const first = await written(user, { to: own, text: "halo", addressing: "pn" });
  const second = await written(user, { to: own, text: "lagi", addressing: "lid" });
  expect(second).toMatchObject({ chatId: first.chatId, personId: first.personId, type: "text", origin: null });
  const foreign = await written(other, { to: own, text: "hi" });
  expect(foreign.chatId).not.toBe(first.chatId);
  const [one] = await read(first.messageId);
  expect(one).toMatchObject({ content: { type: "text", text: "halo" }, reactions: [], quotedMessageId: null });
  expect(one!.from).toMatchObject({ id: first.personId, phone: user, lid: expect.stringMatching(/@lid$/) });
});

test("what the owner writes on the phone is of the account, in the same chat", async () => {
  const theirs = await written(user, { to: own, text: "halo" });
  const ours = await written(own, { to: user, text: "apa kabar", quotedMessageId: theirs.waId });
  expect(ours).toMatchObject({ chatId: theirs.chatId, personId: null, origin: "phone", to: user });
  expect(await read(ours.messageId)).toMatchObject([
    { from: null, content: { type: "text", text: "apa kabar" }, quotedMessageId: theirs.messageId },
  ]);
});

test("a group is one chat, with the author of each message", async () => {
  const { id: jid } = rig.simulator.createGroup(user, { subject: "Tim", participants: [own, other] });
  const first = await written(user, { to: jid, text: "satu" });
  const second = await written(other, { to: jid, text: "dua" });
  const ours = await written(own, { to: jid, text: "tiga" });
  expect(new Set([first.chatId, second.chatId, ours.chatId]).size).toBe(1);
  expect(first.chatKind).toBe("group");
  const stored = await read(first.messageId, second.messageId, ours.messageId);
  const authors = new Map(stored.map(({ id, from }) => [id, from?.phone]));
  expect([first, second, ours].map(({ messageId }) => authors.get(messageId))).toEqual([user, other, undefined]);
});

test.each([false, true])("an edit replaces the content, encrypted: %s", async (encrypted) => {
  const { waId, messageId } = await written(user, { to: own, text: "halo" });
  await rig.simulator.send(user, { to: own, edit: waId, text: "halo!", encrypted });
  await until("it is reported", () => eventsOf("message.edited").length === 1);
  expect(eventsOf("message.edited")).toMatchObject([{ messageId }]);
  expect(await read(messageId)).toMatchObject([{ content: { type: "text", text: "halo!" } }]);
});

test("a message that its author deletes loses its content", async () => {
  const { waId, messageId } = await written(user, { to: own, text: "halo" });
  await rig.simulator.send(user, { to: own, delete: waId });
  await until("it is reported", () => eventsOf("message.revoked").length === 1);
  expect(eventsOf("message.revoked")).toMatchObject([{ messageId }]);
  expect(await read(messageId)).toMatchObject([{ content: null }]);
});

test("an admin of the group deletes what others wrote, and who is none any more does not", async () => {
  const { id: jid } = rig.simulator.createGroup(user, { subject: "Tim", participants: [own, other] });
  const [spam, news] = [
    await written(other, { to: jid, text: "spam" }),
    await written(other, { to: jid, text: "kabar" }),
  ];
  await rig.simulator.send(user, { to: jid, delete: spam.waId });
  await until("it is reported", () => eventsOf("message.revoked").length === 1);
  expect(await read(spam.messageId)).toMatchObject([{ content: null }]);

  rig.simulator.changeParticipants(user, jid, { action: "promote", numbers: [other] });
  // Sent by an admin, and delivered when its author is none.
  rig.simulator.setFault({ kind: "reorder", number: own, times: 1 });
  await rig.simulator.send(user, { to: jid, delete: news.waId });
  rig.simulator.changeParticipants(other, jid, { action: "demote", numbers: [user] });
  await written(other, { to: jid, text: "lagi" });
  await until("all is confirmed", () => rig.simulator.phone(own).devices.every(({ queued }) => queued === 0));
  expect(await read(news.messageId)).toMatchObject([{ content: { text: "kabar" } }]);
  expect(eventsOf("message.revoked")).toHaveLength(1);
});

test("each person has one reaction, on received and on sent messages, until it is taken back", async () => {
  const { waId, messageId } = await written(user, { to: own, text: "halo" });
  const react = async (from: string, to: string, reactTo: string, emoji: string) => {
    const before = eventsOf("message.reaction").length;
    await rig.simulator.send(from, { to, reactTo, emoji });
    await until("it is reported", () => eventsOf("message.reaction").length > before);
  };
  const emojis = async (id: string) =>
    (await read(id))[0]!.reactions.map(({ from, emoji }) => [from?.phone, emoji] as const);
  await react(user, own, waId, "👍");
  await react(own, user, waId, "🙏");
  expect(new Map(await emojis(messageId))).toEqual(
    new Map([
      [undefined, "🙏"],
      [user, "👍"],
    ]),
  );
  await react(user, own, waId, "");
  expect(await emojis(messageId)).toEqual([[undefined, "🙏"]]);

  const sent = newId("msg");
  await rig.edge.accept(sent, { to: user, type: "text", text: "Pesanan Anda" });
  await rig.edge.deliverUntilDone("/jobs/send", { ...sendJob(sent, sessionId), lane: "normal", pacing: "off" });
  const shown = await rig.simulator.waitForMessage(user, ({ text }) => text === "Pesanan Anda");
  await react(user, own, shown.id, "❤️");
  expect(await emojis(sent)).toEqual([[user, "❤️"]]);
  expect((await read(sent))[0]).toMatchObject({ from: null, content: { type: "text", text: "Pesanan Anda" } });
});

test("a code is never read", async () => {
  const messageId = await rig.send(sessionId, { to: user, code: "123456" });
  expect(await read(messageId)).toEqual([]);
});

test("a logout deletes what people wrote", async () => {
  const before = await written(user, { to: own, text: "halo" });
  await rig.setDesiredState({ sessionId, desired: "logged_out" });
  await until("it is logged out", () => rig.edge.statesOf(sessionId).at(-1)?.startsWith("ended"));
  expect(await read(before.messageId)).toEqual([]);
});

test("votes of phones that name people either way are counted once per person, through restarts", async () => {
  const poll = newId("msg");
  const question = { question: "Kapan?", options: ["Pagi", "Sore"], maxSelections: 1 };
  await rig.edge.accept(poll, { to: user, type: "poll", ...question });
  await rig.edge.deliverUntilDone("/jobs/send", { ...sendJob(poll, sessionId), lane: "normal", pacing: "off" });
  const sent = await rig.simulator.waitForMessage(user, ({ kind }) => kind === "poll");
  const theirs = await written(user, { to: own, type: "poll", ...question, addressing: "lid" });
  const votes: ["pn" | "lid", string[]][] = [
    ["pn", ["Pagi"]],
    ["lid", ["Sore"]],
    ["pn", []],
    ["lid", ["Pagi"]],
  ];
  let reported = 0;
  for (const [round, [addressing, options]] of votes.entries()) {
    if (round === 2) {
      await rig.stop();
      await rig.start();
      await until("it is back", () => rig.simulator.phone(own).devices[0]!.connected);
    }
    await rig.simulator.send(user, { to: own, voteIn: sent.id, options, addressing });
    await rig.simulator.send(user, { to: own, voteIn: theirs.waId, options, addressing });
    await rig.simulator.send(own, { to: user, voteIn: theirs.waId, options: ["Sore"], addressing });
    reported += 3;
    await until("all are reported", () => eventsOf("poll.vote").length === reported);
  }
  expect(await chosen(poll)).toEqual([[user, ["Pagi"]]]);
  expect(new Map(await chosen(theirs.messageId))).toEqual(
    new Map([
      [undefined, ["Sore"]],
      [user, ["Pagi"]],
    ]),
  );
});

test("messages that waited while the session was offline arrive once, in order, and as such", async () => {
  await rig.stop();
  for (let i = 0; i < 20; i++) await rig.simulator.send(user, { to: own, text: `pesan ${i}` });
  await rig.start();
  await until("all are reported", () => messages().length === 20);
  expect(messages().every(({ isOffline }) => isOffline)).toBe(true);
  const ids = messages().map(({ messageId }) => messageId);
  const contents = new Map((await read(...ids)).map(({ id, content }) => [id, content]));
  expect(ids.map((id) => contents.get(id)?.["text"])).toEqual(Array.from({ length: 20 }, (_, i) => `pesan ${i}`));
});

test("the edge says how long contents are kept: not at all, from now on and for earlier ones", async () => {
  const before = await written(user, { to: own, text: "halo" });
  rig.edge.contentMs = { [sessionId]: 0 };
  const last = await written(user, { to: own, text: "lagi" });
  const dropped = await written(user, { to: own, text: "rahasia" });
  expect((await read(dropped.messageId))[0]?.content).toBeNull();
  await rig.stop();
  // A start sweeps.
  await rig.start();
  await until("the earlier ones are gone", async () => {
    const rows = await read(before.messageId, last.messageId).catch(() => undefined);
    return rows?.every(({ content }) => content === null);
  });
});
