import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "./support/fake-edge.ts";
import { newId, type Rig, sendJob, startRig } from "./support/rig.ts";

const own = "+6281200000001";
const viewer = "+6281300000002";
const other = "+6281300000003";
const story = "status@broadcast";

let rig: Rig;
let sessionId: string;
beforeEach(async () => {
  rig = await startRig({ services: { chance: () => 0 } });
  sessionId = await rig.pair(own);
  for (const number of [viewer, other]) rig.simulator.createPhone({ number });
});
afterEach(() => rig.close());

const tell = (text: string, people: string[], more: { background?: string; font?: string } = {}) =>
  rig.send(sessionId, { to: "status", type: "text", text, audience: { people }, ...more });
const stories = (number: string) => rig.simulator.messages(number).filter(({ chat }) => chat === story);
const shown = (number: string) => until("the story is shown", () => stories(number)[0]);
const failure = (messageId: string) =>
  until("it has failed", () =>
    rig.edge.events.find((event) => event.type === "message.failed" && event.messageId === messageId),
  );

async function receiptsOf(messageId: string) {
  const response = await rig.edge.rpc("/rpc/messages/receipts", { sessionId, messageId, chatId: null });
  const { receipts } = (await response.json()) as {
    receipts: { person: { phone: string } | null; deliveredAt: string | null; readAt: string | null }[] | null;
  };
  return receipts ?? [];
}

test("a story reaches its audience and the account's own phone, and its receipts name each viewer", async () => {
  const id = await tell("Open today", [viewer], { background: "#1fa855", font: "bold" });
  expect(await shown(viewer)).toMatchObject({ text: "Open today", background: "#1fa855", font: 6, from: own });
  expect(await shown(own)).toMatchObject({ text: "Open today", direction: "out" });
  await until("it is read", () => rig.edge.typesOf(id).includes("message.read"));
  expect(await receiptsOf(id)).toMatchObject([{ person: { phone: viewer }, readAt: expect.any(String) }]);
  expect(rig.simulator.messages(other)).toEqual([]);
});

test("a story has been read when all who can see it have, each named by number or hidden id", async () => {
  rig.simulator.updatePhone(other, { receipts: "none" });
  const lid = `${rig.simulator.phone(viewer).lid}@lid`;
  const id = await tell("For both", [lid, other, viewer]);
  await shown(other);
  await until("one has read it", async () => (await receiptsOf(id))[0]?.readAt);
  await until("it is reported", () => rig.edge.typesOf(id).length > 0);
  expect(rig.edge.typesOf(id)).toEqual(["message.sent"]);
  expect(await receiptsOf(id)).toHaveLength(1);
});

test("who was in an earlier audience sees nothing of the next story", async () => {
  await tell("For one", [viewer]);
  await shown(viewer);
  await tell("For the other", [other]);
  expect(await shown(other)).toMatchObject({ text: "For the other" });
  expect(stories(viewer).map(({ text }) => text)).toEqual(["For one"]);
});

test("people without an account are left out, and a story for none of whom has one fails", async () => {
  await tell("For one", ["+6281300000098", viewer]);
  expect(await shown(viewer)).toMatchObject({ text: "For one" });
  expect(await failure(await tell("For nobody", ["+6281300000099"]))).toMatchObject({ reason: "not_on_whatsapp" });
  const unknown = await tell("For a stranger", [newId("per")]);
  expect(await failure(unknown)).toMatchObject({ reason: "chat_unknown" });
});

test("a person of a chat is named by its id", async () => {
  await rig.simulator.send(viewer, { to: own, text: "halo" });
  const person = await until("the message is reported", () => {
    const event = rig.edge.events.find(({ type }) => type === "message.received");
    return event?.type === "message.received" ? event.message?.personId : undefined;
  });
  await tell("For you", [person]);
  expect(await shown(viewer)).toMatchObject({ text: "For you" });
});

test("an attempt without an ack is repeated as the same story", async () => {
  rig.simulator.setFault({ kind: "no-ack", number: own, times: 1 });
  const messageId = newId("msg");
  await rig.edge.accept(messageId, { to: "status", type: "text", text: "Once", audience: { people: [viewer] } });
  const job = sendJob(messageId, sessionId);
  await rig.edge.deliverUntilDone("/jobs/send", job);
  await until("it is sent", () => rig.edge.typesOf(messageId).includes("message.sent"));
  await shown(viewer);
  expect(stories(viewer)).toHaveLength(1);
});

test("a phone that cannot decrypt a story gets no message in the chat instead", async () => {
  await tell("First", [viewer]);
  await shown(viewer);
  rig.simulator.setFault({ kind: "corrupt-to-phone", number: viewer, times: 1 });
  await tell("Broken", [viewer]);
  await tell("Last", [viewer]);
  await until("the last one is shown", () => stories(viewer).some(({ text }) => text === "Last"));
  expect(rig.simulator.messages(viewer).map(({ text, chat }) => [text, chat])).toEqual([
    ["First", story],
    ["Last", story],
  ]);
});

test("a payload without its audience, and an audience of a message that is no story, are unreadable", async () => {
  const lost = await rig.send(sessionId, { to: "status", type: "text", text: "For whom?" });
  expect(await failure(lost)).toMatchObject({ reason: "unreadable" });
  const wrong = await rig.send(sessionId, {
    to: viewer,
    type: "text",
    text: "Hi",
    audience: { people: [viewer] },
  });
  expect(await failure(wrong)).toMatchObject({ reason: "unreadable" });
});
