import { randomBytes } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import type { ConnectorEvent, EventContent, StoredMessage } from "@sandi/contracts";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { until } from "./support/fake-edge.ts";
import { kinds } from "./support/kinds.ts";
import { type Rig, startRig } from "./support/rig.ts";

const own = "+6281200000001";
const user = "+6281300000002";
const other = "+6281300000003";

let rig: Rig;
let sessionId: string;
beforeAll(async () => {
  rig = await startRig({ services: { chance: () => 0 } });
  sessionId = await rig.pair(own);
  for (const number of [user, other]) rig.simulator.createPhone({ number });
  // The state of a file does not change between the event and the call that reads it.
  rig.edge.takesNoFiles = true;
});
beforeEach(() => {
  rig.edge.contentMs = {};
});
afterAll(() => rig.close());

type Write = Parameters<Rig["simulator"]["send"]>[1];
type Event<Type extends ConnectorEvent["type"]> = Extract<ConnectorEvent, { type: Type }>;
const eventsOf = <Type extends ConnectorEvent["type"]>(type: Type) =>
  rig.edge.events.filter((event): event is Event<Type> => event.type === type);

/** Lets a phone do something; answers WhatsApp's id and the event that reports it. */
async function reported<Type extends ConnectorEvent["type"]>(type: Type, from: string, what: object) {
  const before = eventsOf(type).length;
  const { id } = await rig.simulator.send(from, { to: own, ...what } as Write);
  return { waId: id, event: await until(`${type} is reported`, () => eventsOf(type)[before]) };
}
async function received(from: string, what: object) {
  const { waId, event } = await reported("message.received", from, what);
  return { waId, messageId: event.message!.messageId, content: event.content };
}

async function read(messageId: string): Promise<EventContent["message"]> {
  const response = await rig.edge.rpc("/rpc/messages/read", { sessionId, messageIds: [messageId] });
  const { messages } = (await response.json()) as { messages: StoredMessage[] };
  const { content, from, quotedMessageId } = messages[0]!;
  return { content, from, quotedMessageId };
}

/** Sends a message through the API, and waits until the phone shows it. */
async function sent(payload: Parameters<Rig["send"]>[1]) {
  const before = rig.simulator.messages(user).length;
  const messageId = await rig.send(sessionId, payload);
  const { id: waId } = await until("it is shown", () => rig.simulator.messages(user)[before]);
  return { messageId, waId };
}

function database<T>(work: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(join(rig.folder, "connector.db"), { timeout: 5000 });
  try {
    return work(db);
  } finally {
    db.close();
  }
}
const contentMs = () =>
  database((db) => db.prepare("SELECT content_ms FROM session WHERE id = ?").get(sessionId)?.["content_ms"]);

const waiting = () =>
  database((db) => db.prepare("SELECT sealed_content FROM outbox WHERE sealed_content IS NOT NULL").all());

const data = randomBytes(1000).toString("base64");
const files = [
  { type: "image", mimeType: "image/png", caption: "look", data },
  { type: "video", mimeType: "video/mp4", caption: "watch", data },
  { type: "audio", mimeType: "audio/mpeg", data },
  { type: "voice", mimeType: "audio/ogg", data },
  { type: "document", mimeType: "application/pdf", fileName: "invoice.pdf", data },
  { type: "sticker", mimeType: "image/webp", data },
] as const;
const person = expect.objectContaining({ phone: user, lid: expect.stringMatching(/@lid$/) });

describe("the event of a received message", () => {
  test.each([...Object.values(kinds), ...files].map((kind) => [kind.type, kind] as const))(
    "has the content of a %s as the connector's store gives it",
    async (type, written) => {
      const { messageId, content } = await received(user, written);
      expect(content?.message?.content).toMatchObject({ type });
      expect(content).toEqual({ message: await read(messageId) });
    },
  );

  test("has the quoted message and who wrote it, in groups too; nobody for the account itself", async () => {
    const { id: to } = rig.simulator.createGroup(user, { subject: "Tim", participants: [own, other] });
    const first = await received(user, { to, text: "satu" });
    const second = await received(other, { to, text: "dua", quotedMessageId: first.waId });
    const ours = await received(own, { to, text: "tiga" });
    expect(first.content).toEqual({
      message: { content: { type: "text", text: "satu" }, from: person, quotedMessageId: null },
    });
    expect(second.content?.message).toMatchObject({ from: { phone: other }, quotedMessageId: first.messageId });
    expect(ours.content?.message).toMatchObject({ from: null, content: { text: "tiga" } });
    for (const { messageId, content } of [second, ours]) expect(content).toEqual({ message: await read(messageId) });
  });

  test("has the content of a message that had to be sent again", async () => {
    rig.simulator.setFault({ kind: "corrupt-to-companion", number: own, times: 1 });
    const healed = await received(user, { text: "dikirim lagi" });
    expect(healed.content?.message?.content).toEqual({ type: "text", text: "dikirim lagi" });
  });

  test("has nothing of a message with a token", async () => {
    const { event } = await reported("message.received", user, { text: "SV-0123456789ABC and my secret words" });
    expect(event).toMatchObject({ token: "0123456789ABC" });
    expect(event).not.toHaveProperty("content");
  });
});

describe("the event of a change", () => {
  test("has the emoji of a reaction, and null when it is taken back", async () => {
    const { waId } = await received(user, { text: "halo" });
    const first = await reported("message.reaction", user, { reactTo: waId, emoji: "👍" });
    const second = await reported("message.reaction", user, { reactTo: waId, emoji: "" });
    const ours = await reported("message.reaction", own, { to: user, reactTo: waId, emoji: "🙏" });
    expect([first, second, ours].map(({ event }) => event.content)).toEqual([
      { change: { from: person, emoji: "👍" } },
      { change: { from: person, emoji: null } },
      { change: { from: null, emoji: "🙏" } },
    ]);
  });

  test("has the options of a vote, and none when it is taken back", async () => {
    const { waId } = await sent({ to: user, ...kinds.poll, options: [...kinds.poll.options] });
    const first = await reported("poll.vote", user, { voteIn: waId, options: ["Morning", "Noon"] });
    const second = await reported("poll.vote", user, { voteIn: waId, options: [] });
    expect([first, second].map(({ event }) => event.content)).toEqual([
      { change: { from: person, options: ["Morning", "Noon"] } },
      { change: { from: person, options: [] } },
    ]);
  });

  test.each([false, true])("has the new and the former text of an edit, encrypted: %s", async (encrypted) => {
    const { waId } = await received(user, { text: "halo" });
    const { event } = await reported("message.edited", user, { edit: waId, text: "halo!", encrypted });
    expect(event.content).toEqual({ change: { from: person, text: "halo!", formerText: "halo" } });
  });

  test("has the captions of an edited file", async () => {
    const { waId } = await received(user, files[0]);
    const { event } = await reported("message.edited", user, { edit: waId, text: "look here" });
    expect(event.content).toEqual({ change: { from: person, text: "look here", formerText: "look" } });
  });

  test("has the chosen option, tapped or written as its number", async () => {
    const native = await sent({ to: user, ...kinds.buttons, buttons: [...kinds.buttons.buttons] });
    const tap = { type: "reply", id: "later", text: "Later", quotedMessageId: native.waId };
    const tapped = await reported("message.reply", user, tap);
    const numbered = await sent({ to: user, ...kinds.buttons, buttons: [...kinds.buttons.buttons], render: "text" });
    const written = await reported("message.reply", user, { text: "1" });
    expect([tapped, written].map(({ event }) => [event.messageId, event.content])).toEqual([
      [native.messageId, { change: { from: person, choice: { id: "later", text: "Later" } } }],
      [numbered.messageId, { change: { from: person, choice: { id: "yes", text: "1" } } }],
    ]);
  });

  test("has nothing of a code, whatever is done with its message", async () => {
    const { messageId, waId } = await sent({ to: user, code: "739155" });
    const reaction = await reported("message.reaction", user, { reactTo: waId, emoji: "👍" });
    const edit = await reported("message.edited", own, { to: user, edit: waId, text: "another text" });
    for (const { event } of [reaction, edit]) {
      expect(event).toMatchObject({ messageId });
      expect(event).not.toHaveProperty("content");
    }
  });
});

test("a logout deletes the contents of events that wait for the edge", async () => {
  const number = "+6281200000009";
  const second = await rig.pair(number);
  rig.edge.isDown = true;
  await rig.simulator.send(user, { to: number, text: "belum sampai" });
  await until("it waits", () => waiting().length === 1);
  await rig.setDesiredState({ sessionId: second, desired: "logged_out" });
  await until("it is deleted", () => waiting().length === 0);
  rig.edge.isDown = false;
  const event = await until("the event comes without it", () =>
    eventsOf("message.received").find((one) => one.sessionId === second),
  );
  expect(event).not.toHaveProperty("content");
});

describe("a session that keeps no contents", () => {
  test("sends none, and deletes those that wait for the edge", async () => {
    rig.edge.contentMs = { [sessionId]: 86_400_000 };
    const { waId } = await received(user, { text: "halo" });
    await until("the session knows", () => contentMs() === 86_400_000);
    // The edge takes the first of two events only, and says that contents are dropped.
    let isFirst = true;
    rig.edge.isDown = true;
    for (const text of ["pertama", "kedua"]) await rig.simulator.send(user, { to: own, text });
    await until("both wait", () => waiting().length === 2);
    expect(JSON.stringify(waiting())).not.toMatch(/pertama|kedua/);
    rig.edge.refuse = ({ events }) => {
      if (events.length > 1) return 400;
      rig.edge.contentMs = { [sessionId]: 0 };
      return isFirst ? ((isFirst = false), null) : 503;
    };
    rig.edge.isDown = false;
    await until("the session knows", () => contentMs() === 0);
    expect(waiting()).toEqual([]);
    rig.edge.refuse = null;
    const reaction = await reported("message.reaction", user, { reactTo: waId, emoji: "👍" });
    const { messageId, content } = await received(user, { text: "rahasia" });
    expect([reaction.event.content, content]).toEqual([undefined, undefined]);
    expect(await read(messageId)).toMatchObject({ content: null });
  });
});
