import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SealedPayload } from "@sandi/contracts";
import type { ChatMessage } from "@sandi/whatsapp-simulator";
import type { ReceivedMessage, Said } from "../src/baileys/receive-messages.ts";
import { toProto } from "../src/content/content.ts";
import { stanzaNodes } from "../src/content/stanza-nodes.ts";
import { whatsappId } from "../src/content/whatsapp-ids.ts";
import type { WireMessage } from "../src/content/wire.ts";
import { until } from "./support/fake-edge.ts";
import { kinds } from "./support/kinds.ts";
import { newId, type Rig, startRig } from "./support/rig.ts";

const own = "+6281200000001";
const user = "+6281300000002";

const rows = Object.values(kinds).map((content) => [content.type, content] as const);

let rig: Rig;
let sessionId: string;
const received: ReceivedMessage[] = [];
/** Sees what goes to the socket. */
let around: (message: WireMessage) => void = () => undefined;

beforeAll(async () => {
  rig = await startRig({
    environment: { ACK_TIMEOUT_MS: "300" },
    services: { chance: () => 0 },
    around: (open) => (options) => {
      const { listener } = options;
      const onMessage = (message: ReceivedMessage) => {
        received.push(message);
        return listener.onMessage(message);
      };
      const socket = open({ ...options, listener: { ...listener, onMessage } });
      const send: typeof socket.send = (jid, waId, message, nodes) => {
        around(message);
        return socket.send(jid, waId, message, nodes);
      };
      return { ...socket, send };
    },
  });
  sessionId = await rig.pair(own);
  rig.simulator.createPhone({ number: user, receipts: "read" });
});
afterAll(() => rig.close());

/** Sends content to the phone, and what the phone then shows. */
async function shownOf(content: unknown): Promise<ChatMessage> {
  const before = rig.simulator.messages(user).length;
  await rig.send(sessionId, { ...(content as Extract<SealedPayload, { type: "text" }>), to: user });
  return until("it is shown", () => rig.simulator.messages(user)[before]);
}

/** What the connector receives when the phone writes. */
async function receivedOf(written: object): Promise<Extract<Said, { content: object }>> {
  const before = received.length;
  await rig.simulator.send(user, { to: own, ...(written as { text: string }) });
  const { said } = await until("it is received", () => received[before]);
  if (!("content" in said)) throw new Error("a change was received");
  return said;
}

describe("each kind", () => {
  test.each(rows)("a %s is shown on the phone field by field", async (type, content) => {
    const { type: _, ...fields } = content;
    const { render: _render, ...shown } = { render: undefined, ...fields };
    expect(await shownOf(content)).toMatchObject({ kind: type, direction: "in", ...shown });
  });

  test.each(rows)("a %s that somebody writes is received field by field", async (_type, content) => {
    const { render: _, ...written } = { render: undefined, ...content };
    expect(await receivedOf(written)).toMatchObject({ content });
  });
});

describe("options that are written out", () => {
  test("are a numbered text", async () => {
    const { buttons } = kinds;
    const text = "Shall we deliver today?\n\n1. Yes\n2. Later\n\nAcme";
    const shown = await shownOf({ ...buttons, render: "text" });
    expect(shown).toMatchObject({ kind: "text", text });
  });

  test("of WhatsApp's own are answered by a tap, which names the option and the message", async () => {
    const shown = await shownOf(kinds.buttons);
    const tap = { type: "reply", id: "later", text: "Later" };
    const { content, quoted } = await receivedOf({ ...tap, quotedMessageId: shown.id });
    expect([content, quoted?.waId]).toEqual([tap, shown.id]);
  });
});

test.each([
  [1, "pollCreationMessageV3", 1],
  [2, "pollCreationMessage", 2],
  [3, "pollCreationMessage", 0],
])("a poll of three options for %i is sent as %s for %i", (maxSelections, name, count) => {
  const message = toProto(
    { ...kinds.poll, options: [...kinds.poll.options], maxSelections },
    { template: null, file: null },
  );
  expect(message).toMatchObject({ [name]: { selectableOptionsCount: count } });
  const nodes = stanzaNodes(message!, { now: () => new Date(0), random: (length) => new Uint8Array(length) });
  expect(nodes).toEqual([{ tag: "meta", attrs: { polltype: "creation" } }]);
});

test("one contact is sent as a card, several as a list of cards", () => {
  const [first, second] = kinds.contacts.contacts;
  const proto = (people: (typeof first | typeof second)[]) =>
    toProto(
      { type: "contacts", contacts: people.map(({ name }) => ({ name, phones: [] })) },
      { template: null, file: null },
    );
  expect(Object.keys(proto([first]) ?? {})).toEqual(["contactMessage"]);
  expect(Object.keys(proto([first, second]) ?? {})).toEqual(["contactsArrayMessage"]);
});

const ask = (to: string) => rig.send(sessionId, { to, text: "Which order?" });

describe("a reply", () => {
  const text = "Ready.";
  const reply = (quotedMessageId: string, more = {}) => shownOf({ type: "text", text, quotedMessageId, ...more });

  test("shows the quoted message of its chat, and names people", async () => {
    const quoted = await ask(user);
    const { id } = await until("it is shown", () => rig.simulator.messages(user).at(-1));
    expect(await reply(quoted, { mentions: [user, "123456789012345@lid"] })).toMatchObject({
      text,
      quoted: { id, from: own, text: "Which order?" },
      mentions: [user, "123456789012345@lid"],
    });
    expect(await reply(quoted, { mentions: "all" })).toMatchObject({ quoted: { id }, mentions: "all" });
  });

  test("shows nothing of a message that is gone, or that somebody else was sent", async () => {
    const other = "+6281300000003";
    rig.simulator.createPhone({ number: other });
    for (const quoted of [newId("msg"), await ask(other)]) {
      const { quoted: shown } = await reply(quoted);
      expect(shown).toEqual({ id: whatsappId(quoted), from: own, text: "" });
    }
  });

  test("that somebody writes brings the id of our message and the people that it names", async () => {
    const { id } = await shownOf({ type: "text", text: "Which order?" });
    const about = await receivedOf({ text: "42", quotedMessageId: id, mentions: [own] });
    const jid = `${own.slice(1)}@s.whatsapp.net`;
    expect(about).toMatchObject({ content: { type: "text", text: "42" }, quoted: { waId: id, author: jid } });
    expect(about.mentions).toEqual([jid]);
    expect((await receivedOf({ text: "@all 42", mentions: "all" })).mentions).toBe("all");
  });
});

test("a poll whose first attempt had no ack is sent again with the secret that its votes need", async () => {
  const sent: WireMessage[] = [];
  around = (message) => void sent.push(message);
  // A receipt would prove that it has arrived.
  rig.simulator.updatePhone(user, { receipts: "none" });
  rig.simulator.setFault({ kind: "no-ack", number: own, times: 1 });
  const shown = await shownOf(kinds.poll);
  await until("it is sent again", () => sent.length === 2);
  expect(shown.kind).toBe("poll");
  const [first, second] = sent.map(({ messageContextInfo }) => Buffer.from(messageContextInfo!.messageSecret!));
  expect(first).toHaveLength(32);
  expect(second).toEqual(first);
});
