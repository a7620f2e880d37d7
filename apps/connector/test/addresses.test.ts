import type { ConnectorEvent, SendJob } from "@sandi/contracts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "./support/fake-edge.ts";
import { newId, type Rig, sendJob, startRig } from "./support/rig.ts";

const own = "+6281700000001";
const [ani, budi, citra] = ["+6281700000002", "+6281700000003", "+6281700000004"];
let rig: Rig;
let sessionId: string;
beforeAll(async () => {
  rig = await startRig({ services: { chance: () => 0 } });
  sessionId = await rig.pair(own);
  for (const number of [ani, budi, citra]) rig.simulator.createPhone({ number, receipts: "read" });
});
afterAll(() => rig.close());

let count = 0;
interface Text {
  to: string;
  text?: string;
  quotedMessageId?: string;
  mentions?: "all" | string[];
}
/** Sends a text that is no code; answers our id and the text. */
async function send({ text = `text number ${++count}`, ...message }: Text): Promise<{ id: string; text: string }> {
  const id = newId("msg");
  await rig.edge.accept(id, { ...message, type: "text", text });
  const job: SendJob = { ...sendJob(id, sessionId), lane: "normal", pacing: "off" };
  expect(await rig.edge.deliverUntilDone("/jobs/send", job)).toBe(200);
  return { id, text };
}
const failureOf = async (message: Text) => {
  const { id } = await send(message);
  await until("the failure is reported", () => rig.edge.failureOf(id));
  return rig.edge.failureOf(id);
};
const shown = (number: string, text: string) =>
  until(`${number} shows it`, () => rig.simulator.messages(number).find((one) => one.text === text));
const lidOf = (number: string) => `${rig.simulator.phone(number).lid}@lid`;
const group = (participants = [ani, budi, citra]) =>
  rig.simulator.createGroup(own, { subject: "Warung", participants }).id;
const has = (id: string, type: ConnectorEvent["type"]) =>
  until(`${type} is reported`, () => rig.edge.typesOf(id).includes(type));
const chatOf = (id: string) =>
  until("its chat is reported", () => {
    const sent = rig.edge.events.find((event) => event.type === "message.sent" && event.messageId === id);
    return sent?.type === "message.sent" ? sent.chatId : undefined;
  });
/** The newest message that somebody wrote to the session. */
async function written(number: string, message: { to: string; text: string }) {
  const before = rig.edge.events.length;
  await rig.simulator.send(number, message);
  return until("it is reported", () => {
    const event = rig.edge.events.slice(before).find(({ type }) => type === "message.received");
    return event?.type === "message.received" ? event.message : undefined;
  });
}
const receiptsOf = async (messageId: string, chatId: string | null = null) => {
  const answer = await rig.edge.rpc("/rpc/messages/receipts", { sessionId, messageId, chatId });
  return (await answer.json()) as {
    receipts: { person: { phone: string }; deliveredAt: string | null; readAt: string | null }[] | null;
    person: { phone: string } | null;
  };
};

describe("a message to a group", () => {
  test("is on the phone of every member, and is read when all of them have read it", async () => {
    rig.simulator.updatePhone(citra, { receipts: "delivered" });
    const to = group();
    const { id, text } = await send({ to });
    for (const number of [ani, budi, citra]) expect(await shown(number, text)).toMatchObject({ chat: to, from: own });
    await has(id, "message.delivered");
    const receipts = await until("two have read it", async () => {
      const all = (await receiptsOf(id)).receipts ?? [];
      return all.filter(({ readAt }) => readAt !== null).length === 2 ? all : undefined;
    });
    const hasRead = new Map(receipts.map(({ person, readAt }) => [person.phone, readAt !== null]));
    expect(Object.fromEntries(hasRead)).toEqual({ [ani]: true, [budi]: true, [citra]: false });
    expect(rig.edge.typesOf(id)).not.toContain("message.read");
    rig.simulator.leaveGroup(citra, to);
    await has(id, "message.read");
    rig.simulator.updatePhone(citra, { receipts: "read" });
  });

  test("asks WhatsApp about the group once", async () => {
    const to = group();
    await send({ to });
    const before = rig.simulator.stats();
    rig.simulator.setFault({ kind: "iq-error", number: own, xmlns: "w:g2", code: 500 });
    const { text } = await send({ to });
    for (const number of [ani, budi, citra]) await shown(number, text);
    expect(rig.simulator.stats().retriesAsked).toBe(before.retriesAsked);
    rig.simulator.clearFaults();
  });

  test("cannot be read by who has left, even with the ciphertext", async () => {
    const to = group();
    const first = await send({ to });
    await shown(budi, first.text);
    rig.simulator.leaveGroup(budi, to);
    rig.simulator.setFault({ kind: "former-member", number: budi });
    const { undecryptable, retriesAsked } = rig.simulator.stats();
    const second = await send({ to });
    await shown(ani, second.text);
    await shown(citra, second.text);
    await until("the former member has tried", () => {
      const stats = rig.simulator.stats();
      return stats.undecryptable + stats.retriesAsked > undecryptable + retriesAsked;
    });
    // What it asks for again does not come either: a later message is there before.
    const third = await send({ to });
    await shown(ani, third.text);
    const texts = new Set(rig.simulator.messages(budi).map((one) => one.text));
    expect([second.text, third.text].filter((text) => texts.has(text))).toEqual([]);
    rig.simulator.clearFaults();
  });

  test("is read by who joins later", async () => {
    const to = group([ani]);
    await send({ to });
    rig.simulator.changeParticipants(own, to, { action: "add", numbers: [budi] });
    const { text } = await send({ to });
    expect(await shown(budi, text)).toMatchObject({ chat: to });
  });

  test("names people, and quotes what a member wrote", async () => {
    const to = group();
    const question = await written(budi, { to, text: "Where is my order?" });
    const mentions = [ani, question.personId!];
    const text = `It is there, @${ani.slice(1)}`;
    await send({ to, text, quotedMessageId: question.messageId, mentions });
    const answer = await until("it is shown", () =>
      rig.simulator.messages(citra).find((one) => one.text.startsWith("It is there")),
    );
    expect(answer).toMatchObject({ quoted: { from: budi, text: "Where is my order?" }, mentions: [ani, budi] });
    expect(answer.text).toBe(`It is there, @${lidOf(ani).split("@")[0]}`);
  });

  test("fails with a reason where the account may not write", async () => {
    const other = rig.simulator.createGroup(ani, { subject: "Others", participants: [budi] }).id;
    expect(await failureOf({ to: other })).toBe("not_group_member");
    expect(await failureOf({ to: "120363000000000001@g.us" })).toBe("not_group_member");
    const quiet = rig.simulator.createGroup(ani, { subject: "News", participants: [own] }).id;
    rig.simulator.updateGroup(ani, quiet, { isAnnouncement: true });
    expect(await failureOf({ to: quiet })).toBe("not_group_admin");
    const former = group();
    await send({ to: former });
    rig.simulator.leaveGroup(own, former);
    expect(await failureOf({ to: former })).toBe("not_group_member");
  });
});

describe("a message to a chat", () => {
  test("goes to who wrote there, by the chat's id, the person's id and the hidden id", async () => {
    const { chatId, personId } = await written(ani, { to: own, text: "Hello, is anybody there?" });
    for (const to of [chatId, personId!, lidOf(ani), ani]) {
      const { id, text } = await send({ to });
      expect(await shown(ani, text)).toMatchObject({ chat: own });
      await has(id, "message.read");
      expect(await chatOf(id)).toBe(chatId);
      expect(await receiptsOf(id, chatId)).toMatchObject({ receipts: null, person: { phone: ani } });
    }
  });

  test("goes to a group by the chat's id", async () => {
    const to = group();
    const { chatId } = await written(budi, { to, text: "Who is in this group?" });
    const { id, text } = await send({ to: chatId });
    expect(await shown(citra, text)).toMatchObject({ chat: to });
    expect(await chatOf(id)).toBe(chatId);
  });

  test("quotes what somebody wrote, and shows nothing of another chat", async () => {
    const question = await written(ani, { to: own, text: "How much is it?" });
    const { text } = await send({ to: ani, quotedMessageId: question.messageId });
    expect(await shown(ani, text)).toMatchObject({ quoted: { from: ani, text: "How much is it?" } });
    const other = await send({ to: budi, quotedMessageId: question.messageId });
    const leaked = await shown(budi, other.text);
    expect(JSON.stringify(leaked)).not.toContain("How much");
  });

  test("fails if the session has no such chat", async () => {
    expect(await failureOf({ to: newId("cht") })).toBe("chat_unknown");
  });

  test("a code goes to numbers only", async () => {
    const messageId = await rig.send(sessionId, { to: lidOf(ani), code: "482913" });
    await until("the failure is reported", () => rig.edge.failureOf(messageId));
    expect(rig.edge.failureOf(messageId)).toBe("unreadable");
  });
});

describe("an address that WhatsApp refuses", () => {
  test.each([
    ["the number of a contact that moved to a hidden id", 463, "pn"],
    ["the hidden id of a contact that did not", 400, "lid"],
  ] as const)("is replaced by the other one, once, and then remembered: %s", async (_what, code, addressing) => {
    const number = `+62817100000${code % 100}`;
    rig.simulator.createPhone({ number, receipts: "read" });
    await written(number, { to: own, text: "Hello from a contact" });
    const to = addressing === "pn" ? number : lidOf(number);
    rig.simulator.setFault({ kind: "send-error", code, to: number, addressing });
    const errors = rig.simulator.stats().sendErrors;
    const first = await send({ to });
    await shown(number, first.text);
    await has(first.id, "message.read");
    expect(rig.simulator.stats().sendErrors).toBe(errors + 1);
    const second = await send({ to });
    await has(second.id, "message.read");
    expect(rig.simulator.stats().sendErrors).toBe(errors + 1);
    expect(rig.simulator.messages(number).filter((one) => one.text === first.text).length).toBe(1);
    rig.simulator.clearFaults();
  });

  test("a code reaches a contact that moved to a hidden id", async () => {
    const number = "+6281710000999";
    rig.simulator.createPhone({ number, receipts: "read" });
    rig.simulator.setFault({ kind: "send-error", code: 463, to: number, addressing: "pn" });
    const messageId = await rig.send(sessionId, { to: number, code: "739104" });
    await has(messageId, "message.read");
    const sent = rig.edge.events.find((event) => event.type === "message.sent" && event.messageId === messageId);
    expect(sent).not.toHaveProperty("chatId");
    rig.simulator.clearFaults();
  });

  test("who hides the number is reached by hidden id alone", async () => {
    const number = "+6281710000998";
    rig.simulator.createPhone({ number, receipts: "read" });
    rig.simulator.setFault({ kind: "lid-only", number });
    const { chatId } = await written(number, { to: own, text: "You do not know me" });
    for (const to of [chatId, lidOf(number)]) {
      const { id, text } = await send({ to });
      expect(await shown(number, text)).toMatchObject({ chat: own });
      await has(id, "message.read");
    }
    rig.simulator.clearFaults();
  });
});
