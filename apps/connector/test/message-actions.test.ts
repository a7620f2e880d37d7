import { randomUUID } from "node:crypto";
import type { ConnectorEvent, Problem, StoredMessage } from "@sandi/contracts";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { conversationsOf } from "./support/conversations.ts";
import { until } from "./support/fake-edge.ts";
import { newId, type Rig, sendJob, startRig } from "./support/rig.ts";

const own = "+6281200000001";
const user = "+6281300000002";
const other = "+6281300000003";

let rig: Rig;
let sessionId: string;
beforeAll(async () => {
  rig = await startRig({ environment: { ACK_TIMEOUT_MS: "1000" }, services: { chance: () => 0 } });
  sessionId = await rig.pair(own);
  for (const number of [user, other]) rig.simulator.createPhone({ number });
});
afterEach(() => rig.simulator.clearFaults());
afterAll(() => rig.close());

const { written } = conversationsOf(() => ({ rig, sessionId }));
const typesOf = (messageId: string) =>
  rig.edge.events.filter((event) => "messageId" in event && event.messageId === messageId).map(({ type }) => type);
const reported = (messageId: string, type: ConnectorEvent["type"]) =>
  until(`${type} is reported`, () => typesOf(messageId).includes(type));

/** Sends a message through the API, and waits until the phone shows it. */
async function sent(content: object, to = user) {
  const messageId = newId("msg");
  await rig.edge.accept(messageId, { to, ...content } as never);
  const shown = rig.simulator.messages(user).length;
  await rig.edge.deliverUntilDone("/jobs/send", { ...sendJob(messageId, sessionId), lane: "normal", pacing: "off" });
  const { id: waId } = await until("the phone shows it", () => rig.simulator.messages(user)[shown]);
  return { messageId, waId };
}

async function act(name: string, messageId: string, fields: object = {}, actionId: string = randomUUID()) {
  const input = { sessionId, messageId, actionId, ...fields };
  const response = await rig.edge.rpc(`/rpc/messages/${name}`, input);
  return { status: response.status, body: (await response.json()) as Problem & { at: string } };
}

async function read(messageId: string): Promise<StoredMessage> {
  const response = await rig.edge.rpc("/rpc/messages/read", { sessionId, messageIds: [messageId] });
  return ((await response.json()) as { messages: StoredMessage[] }).messages[0]!;
}

const shownOn = (phone: string, waId: string) => rig.simulator.messages(phone).find(({ id }) => id === waId);
const group = () => rig.simulator.createGroup(user, { subject: "Tim", participants: [own, other] }).id;

describe("a reaction", () => {
  test.each(["pn", "lid"] as const)(
    "to what a person wrote by %s is on both phones, and can be taken back",
    async (addressing) => {
      const { waId, messageId } = await written(user, { to: own, text: "halo", addressing });
      expect(await act("react", messageId, { emoji: "🙏" })).toMatchObject({ status: 200 });
      await until("the phone shows it", () => shownOn(user, waId)?.reactions);
      expect(shownOn(user, waId)).toMatchObject({ reactions: [{ from: own, emoji: "🙏" }] });
      await until("the own phone shows it", () => shownOn(own, waId)?.reactions);
      await reported(messageId, "message.reaction");
      expect(await read(messageId)).toMatchObject({ reactions: [{ from: null, emoji: "🙏" }] });
      expect(await act("react", messageId, { emoji: "" })).toMatchObject({ status: 200 });
      await until("the phone shows none", () => shownOn(user, waId)?.reactions?.length === 0);
      expect(await read(messageId)).toMatchObject({ reactions: [] });
    },
  );

  test.each([
    ["pn", 463],
    ["lid", 400],
  ] as const)("is sent under the other name when WhatsApp refuses the %s with %d", async (addressing, code) => {
    const { waId, messageId } = await written(user, { to: own, text: "halo", addressing });
    rig.simulator.setFault({ kind: "send-error", to: user, code, addressing });
    expect(await act("react", messageId, { emoji: "🙏" })).toMatchObject({ status: 200 });
    await until("the phone shows it", () => shownOn(user, waId)?.reactions);
    expect(await read(messageId)).toMatchObject({ reactions: [{ from: null, emoji: "🙏" }] });
  });

  test("to a person whose number is hidden", async () => {
    const hidden = "+6281300000009";
    rig.simulator.createPhone({ number: hidden });
    rig.simulator.setFault({ kind: "lid-only", number: hidden });
    const { waId, messageId } = await written(hidden, { to: own, text: "halo" });
    expect(await act("react", messageId, { emoji: "🙏" })).toMatchObject({ status: 200 });
    await until("the phone shows it", () => shownOn(hidden, waId)?.reactions);
    expect(await read(messageId)).toMatchObject({ reactions: [{ from: null, emoji: "🙏" }] });
  });

  test("to an own message of the API, and in a group", async () => {
    const ours = await sent({ type: "text", text: "Pesanan Anda" });
    expect(await act("react", ours.messageId, { emoji: "✅" })).toMatchObject({ status: 200 });
    await until("the phone shows it", () => shownOn(user, ours.waId)?.reactions);
    expect(await read(ours.messageId)).toMatchObject({ reactions: [{ from: null, emoji: "✅" }] });

    const theirs = await written(other, { to: group(), text: "satu" });
    expect(await act("react", theirs.messageId, { emoji: "👍" })).toMatchObject({ status: 200 });
    for (const phone of [user, other]) {
      await until(`${phone} shows it`, () => shownOn(phone, theirs.waId)?.reactions);
      expect(shownOn(phone, theirs.waId)).toMatchObject({ reactions: [{ from: own, emoji: "👍" }] });
    }
  });
});

describe("an edit", () => {
  test("of a text of the API is on the phone, and can be read", async () => {
    const { messageId, waId } = await sent({ type: "text", text: "Pukul 9" });
    expect(await act("edit", messageId, { text: "Pukul 10" })).toMatchObject({ status: 200 });
    await until("the phone shows it", () => shownOn(user, waId)?.editedAt);
    expect(shownOn(user, waId)).toMatchObject({ kind: "text", text: "Pukul 10" });
    await reported(messageId, "message.edited");
    expect(await read(messageId)).toMatchObject({ content: { type: "text", text: "Pukul 10" } });
  });

  test("of what the owner wrote on the phone", async () => {
    const { messageId, waId } = await written(own, { to: user, text: "Pukul 9" });
    expect(await act("edit", messageId, { text: "Pukul 11" })).toMatchObject({ status: 200 });
    await until("the phone shows it", () => shownOn(user, waId)?.text === "Pukul 11");
    expect(await read(messageId)).toMatchObject({ content: { type: "text", text: "Pukul 11" } });
  });

  test("and a deletion of what the owner wrote in a group", async () => {
    const { messageId, waId } = await written(own, { to: group(), text: "Pukul 9" });
    expect(await act("edit", messageId, { text: "Pukul 11" })).toMatchObject({ status: 200 });
    for (const phone of [user, other]) {
      await until(`${phone} shows it`, () => shownOn(phone, waId)?.text === "Pukul 11");
    }
    expect(await act("revoke", messageId)).toMatchObject({ status: 200 });
    for (const phone of [user, other]) {
      await until(`${phone} shows it`, () => shownOn(phone, waId)?.kind === "revoked");
    }
    await reported(messageId, "message.revoked");
    expect(typesOf(messageId)).toContain("message.edited");
  });

  test("on the phone of what was sent through the API is read back", async () => {
    const { messageId, waId } = await sent({ type: "text", text: "Satu" });
    await until("the own phone has it", () => shownOn(own, waId));
    await rig.simulator.send(own, { to: user, edit: waId, text: "Dua", encrypted: true });
    await reported(messageId, "message.edited");
    expect(await read(messageId)).toMatchObject({ content: { type: "text", text: "Dua" } });
  });

  test("of somebody else's message is refused, and of a location", async () => {
    const { messageId } = await written(user, { to: own, text: "halo" });
    expect((await act("edit", messageId, { text: "x" })).body.code).toBe("message-not-editable");
    const place = await sent({ type: "location", latitude: 1, longitude: 2 });
    expect((await act("edit", place.messageId, { text: "x" })).body.code).toBe("message-not-editable");
  });
});

describe("a deletion for everyone", () => {
  test("of an own message, read or not", async () => {
    rig.simulator.updatePhone(user, { receipts: "read" });
    const { messageId, waId } = await sent({ type: "text", text: "Salah kirim" });
    await reported(messageId, "message.read");
    rig.simulator.updatePhone(user, { receipts: "delivered" });
    expect(await act("revoke", messageId)).toMatchObject({ status: 200 });
    await until("the phone shows it", () => shownOn(user, waId)?.kind === "revoked");
    await reported(messageId, "message.revoked");
    expect(await read(messageId)).toMatchObject({ content: null });
  });

  test("of somebody else's message is for admins of a group", async () => {
    const alone = await written(user, { to: own, text: "halo" });
    expect((await act("revoke", alone.messageId)).body.code).toBe("message-not-deletable");
    const jid = group();
    const { messageId, waId } = await written(other, { to: jid, text: "spam" });
    expect((await act("revoke", messageId)).body.code).toBe("not-group-admin");
    rig.simulator.changeParticipants(user, jid, { action: "promote", numbers: [own] });
    expect(await act("revoke", messageId)).toMatchObject({ status: 200 });
    for (const phone of [user, other]) {
      await until(`${phone} shows it`, () => shownOn(phone, waId)?.kind === "revoked");
    }
    await reported(messageId, "message.revoked");
    expect(await read(messageId)).toMatchObject({ content: null });
  });
});

describe("a pin", () => {
  test.each(["the API", "the phone"])("by %s is shown until it ends", async (by) => {
    const { messageId, waId } = await written(user, { to: own, text: "alamat" });
    for (const isPinned of [true, false]) {
      if (by === "the phone") await rig.simulator.send(own, { to: user, pin: waId, isPinned });
      else await act("pin", messageId, { seconds: isPinned ? 86_400 : null });
      await until("the phone shows it", () => shownOn(user, waId)?.isPinned === isPinned);
      await until("it is stored", async () => (await read(messageId)).isPinned === isPinned);
    }
    expect(typesOf(messageId)).toEqual([]);
  });
});

describe("a vote", () => {
  const options = ["Pagi", "Sore", "Malam"];
  const poll = { type: "poll" as const, question: "Kapan?", options, maxSelections: 2 };

  test.each(["pn", "lid"] as const)("in a poll of a person who writes by %s", async (addressing) => {
    const { messageId, waId } = await written(user, { to: own, ...poll, addressing });
    expect(await act("vote", messageId, { options: ["Sore"] })).toMatchObject({ status: 200 });
    await until("the phone shows it", () => shownOn(user, waId)?.votes);
    expect(shownOn(user, waId)).toMatchObject({ votes: [{ from: own, options: ["Sore"] }] });
    await reported(messageId, "poll.vote");
    expect(await read(messageId)).toMatchObject({ votes: [{ from: null, options: ["Sore"] }] });
    expect(await act("vote", messageId, { options: [] })).toMatchObject({ status: 200 });
    await until("the phone shows none", () => shownOn(user, waId)?.votes?.length === 0);
    expect(await read(messageId)).toMatchObject({ votes: [] });
  });

  test("in an own poll of the API, and in one of a group", async () => {
    const ours = await sent(poll);
    expect(await act("vote", ours.messageId, { options: ["Pagi", "Malam"] })).toMatchObject({ status: 200 });
    await until("the phone shows it", () => shownOn(user, ours.waId)?.votes);
    expect(shownOn(user, ours.waId)).toMatchObject({ votes: [{ from: own, options: ["Pagi", "Malam"] }] });
    expect(await read(ours.messageId)).toMatchObject({ votes: [{ from: null, options: ["Pagi", "Malam"] }] });

    const theirs = await written(other, { to: group(), ...poll });
    expect(await act("vote", theirs.messageId, { options: ["Malam"] })).toMatchObject({ status: 200 });
    await until("a member's phone shows it", () => shownOn(user, theirs.waId)?.votes);
    expect(shownOn(other, theirs.waId)).toMatchObject({ votes: [{ from: own, options: ["Malam"] }] });
  });

  test("must be for options of a poll, and not for too many", async () => {
    const { messageId } = await written(user, { to: own, ...poll });
    expect((await act("vote", messageId, { options: ["Subuh"] })).body.code).toBe("vote-not-valid");
    const single = await written(user, { to: own, ...poll, maxSelections: 1 });
    expect((await act("vote", single.messageId, { options: ["Pagi", "Sore"] })).body.code).toBe("vote-not-valid");
    const text = await written(user, { to: own, text: "halo" });
    expect((await act("vote", text.messageId, { options: ["Pagi"] })).body.code).toBe("not-a-poll");
  });
});

test("what the API sent to a group is voted in, reacted to, edited and deleted there", async () => {
  const jid = group();
  const poll = await sent({ type: "poll", question: "Kapan?", options: ["Pagi", "Sore"], maxSelections: 1 }, jid);
  expect(await act("vote", poll.messageId, { options: ["Pagi"] })).toMatchObject({ status: 200 });
  await rig.simulator.send(other, { to: jid, voteIn: poll.waId, options: ["Sore"] });
  for (const phone of [user, other]) {
    await until(`${phone} shows both votes`, () => shownOn(phone, poll.waId)?.votes?.length === 2);
  }
  await until("both are counted", async () => (await read(poll.messageId)).votes.length === 2);
  const { votes } = await read(poll.messageId);
  expect(new Map(votes.map(({ from, options }) => [from?.phone, options]))).toEqual(
    new Map([
      [undefined, ["Pagi"]],
      [other, ["Sore"]],
    ]),
  );

  const { messageId, waId } = await sent({ type: "text", text: "Pukul 9" }, jid);
  expect(await act("edit", messageId, { text: "Pukul 10" })).toMatchObject({ status: 200 });
  expect(await act("react", messageId, { emoji: "✅" })).toMatchObject({ status: 200 });
  for (const phone of [user, other]) {
    await until(`${phone} shows it`, () => shownOn(phone, waId)?.reactions);
    expect(shownOn(phone, waId)).toMatchObject({ text: "Pukul 10", reactions: [{ from: own, emoji: "✅" }] });
  }
  expect(await read(messageId)).toMatchObject({ content: { text: "Pukul 10" }, reactions: [{ emoji: "✅" }] });
  expect(await act("revoke", messageId)).toMatchObject({ status: 200 });
  for (const phone of [user, other]) {
    await until(`${phone} shows it`, () => shownOn(phone, waId)?.kind === "revoked");
  }
  await reported(messageId, "message.revoked");
});

describe("an action that WhatsApp", () => {
  test("does not acknowledge has an unknown outcome, and its repetition is the same action", async () => {
    const { messageId, waId } = await written(user, { to: own, text: "halo" });
    const { messagesReceived } = rig.simulator.stats();
    rig.simulator.setFault({ kind: "no-ack", to: user, times: 1 });
    const actionId = randomUUID();
    const first = await act("react", messageId, { emoji: "👍" }, actionId);
    expect([first.status, first.body.code]).toEqual([504, "outcome-unknown"]);
    expect(typesOf(messageId)).not.toContain("message.reaction");
    expect(await act("react", messageId, { emoji: "👍" }, actionId)).toMatchObject({ status: 200 });
    await reported(messageId, "message.reaction");
    expect(rig.simulator.stats().messagesReceived).toBe(messagesReceived + 2);
    expect(shownOn(user, waId)).toMatchObject({ reactions: [{ from: own, emoji: "👍" }] });
    // The third time it is known, and nothing is sent.
    expect(await act("react", messageId, { emoji: "👍" }, actionId)).toMatchObject({ status: 200 });
    expect(rig.simulator.stats().messagesReceived).toBe(messagesReceived + 2);
    expect(typesOf(messageId).filter((type) => type === "message.reaction")).toHaveLength(1);
  });

  test("acknowledges late is stored then", async () => {
    const { messageId } = await written(user, { to: own, text: "halo" });
    rig.simulator.setFault({ kind: "latency", number: own, ms: 1500 });
    expect((await act("react", messageId, { emoji: "👍" })).body.code).toBe("outcome-unknown");
    await reported(messageId, "message.reaction");
    rig.simulator.clearFaults();
    expect(await read(messageId)).toMatchObject({ reactions: [{ from: null, emoji: "👍" }] });
  });

  test("refuses is not stored", async () => {
    const { messageId } = await written(user, { to: own, text: "halo" });
    rig.simulator.setFault({ kind: "send-error", to: user, code: 475, times: 1 });
    const { status, body } = await act("react", messageId, { emoji: "👍" });
    expect([status, body.code, body.whatsappCode]).toEqual([422, "whatsapp-refused", 475]);
    expect(await read(messageId)).toMatchObject({ reactions: [] });
  });

  test("delivers to a phone that could not decrypt it is sent again", async () => {
    const { messageId, waId } = await written(user, { to: own, text: "halo" });
    rig.simulator.setFault({ kind: "corrupt-to-phone", number: user, times: 1 });
    const { retriesAsked } = rig.simulator.stats();
    expect(await act("react", messageId, { emoji: "👍" })).toMatchObject({ status: 200 });
    await until("the phone shows it", () => shownOn(user, waId)?.reactions);
    expect(rig.simulator.stats().retriesAsked).toBe(retriesAsked + 1);
  });
});

test("a message that the connector does not have, and a code, are refused", async () => {
  expect((await act("react", newId("msg"), { emoji: "👍" })).body.code).toBe("message-not-kept");
  const code = await rig.send(sessionId, { to: user, code: "123456" });
  expect((await act("react", code, { emoji: "👍" })).body.code).toBe("message-not-kept");
});

test("a session that is offline refuses", async () => {
  const { messageId } = await written(user, { to: own, text: "halo" });
  await rig.setDesiredState({ sessionId, desired: "stopped" });
  await until("it is stopped", () => rig.edge.statesOf(sessionId).at(-1) === "stopped/requested");
  expect((await act("react", messageId, { emoji: "👍" })).body.code).toBe("session-not-online");
});
