import { randomBytes } from "node:crypto";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { normalizeMessageContent, type proto } from "@whiskeysockets/baileys";
import type { ChatMessage, SendMessage } from "@sandi/whatsapp-simulator";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { forwardReceived, forwardSent } from "../src/content/forward.ts";
import { whatsappId } from "../src/content/whatsapp-ids.ts";
import type { WireMessage } from "../src/content/wire.ts";
import { until } from "./support/fake-edge.ts";
import { newId, type Rig, sendJob, startRig } from "./support/rig.ts";

const own = "+6281200000001";
const user = "+6281300000002";
const other = "+6281300000003";
const trusted = getCACertificates("default");
const data = randomBytes(70_001).toString("base64");

let rig: Rig;
let sessionId: string;
/** Sees what goes to the socket. */
let around: (message: WireMessage) => void = () => undefined;

beforeAll(async () => {
  rig = await startRig({
    environment: { ACK_TIMEOUT_MS: "300" },
    services: { chance: () => 0 },
    around: (open) => (options) => {
      const socket = open(options);
      const send: typeof socket.send = (jid, waId, message, nodes) => {
        around(message);
        return socket.send(jid, waId, message, nodes);
      };
      return { ...socket, send };
    },
  });
  setDefaultCACertificates([...trusted, rig.simulator.media.certificate]);
  sessionId = await rig.pair(own);
  for (const number of [user, other]) rig.simulator.createPhone({ number });
});
afterAll(async () => {
  setDefaultCACertificates(trusted);
  await rig.close();
});

/** A message of the user's phone, with our id of it. */
async function received(written: object): Promise<{ messageId: string; shown: ChatMessage }> {
  const before = rig.edge.events.length;
  const shown = await rig.simulator.send(user, { to: own, ...written } as SendMessage);
  const event = await until("it is reported", () =>
    rig.edge.events.slice(before).find(({ type }) => type === "message.received"),
  );
  return { messageId: (event.type === "message.received" && event.message?.messageId) || "", shown };
}

async function sent(content: { type: "text"; text: string }): Promise<string> {
  const messageId = newId("msg");
  await rig.edge.accept(messageId, { to: user, ...content });
  const job = sendJob(messageId, sessionId);
  await rig.edge.deliverUntilDone("/jobs/send", { ...job, lane: "normal", pacing: "off" });
  return messageId;
}

/** Sends a code, and answers the id of its message. */
async function sentCode(): Promise<string> {
  const messageId = newId("msg");
  await rig.edge.accept(messageId, { to: user, code: "482913" });
  await rig.edge.deliverUntilDone("/jobs/send", sendJob(messageId, sessionId));
  return messageId;
}

const forward = (messageId: string) => rig.send(sessionId, { to: other, type: "forward", messageId });

/** Forwards a message to the other phone, and answers what it shows and what was sent. */
async function forwarded(messageId: string) {
  let wire: WireMessage | undefined;
  around = (message) => void (wire = message);
  const id = whatsappId(await forward(messageId));
  const shown = await rig.simulator.waitForMessage(other, (message) => message.id === id);
  return { shown, info: infoOf(wire!), secret: wire?.messageContextInfo?.messageSecret };
}

function infoOf(message: WireMessage): proto.IContextInfo {
  const [part] = Object.values(normalizeMessageContent(message) ?? {});
  return (part as { contextInfo?: proto.IContextInfo }).contextInfo ?? {};
}

/** What a phone shows of the content alone. */
function contentOf({ kind, ...shown }: ChatMessage): object {
  const { id: _id, from: _from, to: _to, chat: _chat, direction: _d, at: _at, encryption: _e, ...about } = shown;
  const { status: _s, forwarded: _f, quoted: _q, mentions: _m, ...content } = about;
  return { kind, ...content };
}

describe("a received message is forwarded", () => {
  test.each<[string, object]>([
    ["text", { text: "on my way" }],
    ["location", { latitude: -6.1754, longitude: 106.8272, name: "Monas" }],
    ["contacts", { contacts: [{ name: "Budi", phones: [{ number: "+6281234567890" }] }] }],
    ["poll", { question: "When?", options: ["Morning", "Noon"], maxSelections: 1 }],
    ["image", { data, mimeType: "image/png", caption: "Here", width: 4, height: 3 }],
    ["video", { data, mimeType: "video/mp4", isNote: true }],
    ["voice", { data, seconds: 3, waveform: Array.from({ length: 64 }, (_, i) => i) }],
    ["audio", { data, mimeType: "audio/mpeg" }],
    ["document", { data, mimeType: "application/pdf", fileName: "invoice.pdf", caption: "Invoice" }],
    ["sticker", { data, mimeType: "image/webp" }],
  ])("as it is: %s", async (type, fields) => {
    const { messageId, shown } = await received({ type, ...fields });
    // Nothing is uploaded for it.
    rig.simulator.setFault({ kind: "media-error", status: 500, at: "upload", by: "companion" });
    const { shown: there, info, secret } = await forwarded(messageId);
    rig.simulator.clearFaults();
    expect(contentOf(there)).toEqual(contentOf(shown));
    expect(there).toMatchObject({ forwarded: true, from: own });
    expect(info).toEqual({ isForwarded: true, forwardingScore: 1 });
    expect(secret).toHaveLength(32);
  });

  test("without what it quotes and whom it names, and one time more than before", async () => {
    const { shown: first } = await received({ text: "shall we?" });
    const { messageId } = await received({ text: "@6281300000003 yes", quotedMessageId: first.id, mentions: [other] });
    const { shown } = await forwarded(messageId);
    expect(shown).not.toHaveProperty("quoted");
    expect(shown).not.toHaveProperty("mentions");
    const { messageId: again } = await received({ text: "pass it on", forwarded: true });
    expect((await forwarded(again)).info).toEqual({ isForwarded: true, forwardingScore: 2 });
  });

  test("once, however often its job comes", async () => {
    const { messageId } = await received({ type: "image", data, mimeType: "image/png", caption: "twice" });
    rig.simulator.setFault({ kind: "no-ack", number: own, times: 1 });
    await forwarded(messageId);
    const there = rig.simulator.messages(other).filter(({ text }) => text.includes("twice"));
    expect(there).toHaveLength(1);
    expect(there[0]).not.toHaveProperty("media.problem");
  });
});

test("a message of the API is forwarded, and the forwarded one once more", async () => {
  const messageId = await sent({ type: "text", text: "your order is on its way" });
  const { shown, info } = await forwarded(messageId);
  expect(shown).toMatchObject({ kind: "text", text: "your order is on its way", forwarded: true });
  expect(info.forwardingScore).toBe(1);
});

test.each<[string, object, string]>([
  ["an answer", { type: "reply", id: "yes", text: "Yes" }, "not_forwardable"],
  ["a message that is shown once", { type: "image", data, mimeType: "image/png", isViewOnce: true }, "not_forwardable"],
])("%s is not forwarded", async (_, written, reason) => {
  const { messageId } = await received(written);
  const id = await forward(messageId);
  expect(await until("it has failed", () => rig.edge.failureOf(id))).toBe(reason);
});

test("a message that is not kept is not forwarded: deleted, a code, of another session, unknown", async () => {
  const { messageId, shown } = await received({ text: "secret" });
  await rig.simulator.send(own, { to: user, deleteForMe: shown.id });
  await until("it is reported", () => rig.edge.typesOf(messageId).includes("message.deleted"));
  const code = await sentCode();
  for (const original of [messageId, code, newId("msg")]) {
    const failed = await forward(original);
    expect(await until("it has failed", () => rig.edge.failureOf(failed))).toBe("content_not_kept");
  }
  const elsewhere = await rig.pair("+6281200000009");
  const mine = await received({ text: "only mine" });
  const id = newId("msg");
  await rig.edge.accept(id, { to: other, type: "forward", messageId: mine.messageId });
  await rig.edge.deliverUntilDone("/jobs/send", sendJob(id, elsewhere));
  expect(await until("it has failed", () => rig.edge.failureOf(id))).toBe("content_not_kept");
});

test("what cannot be read has no forwarded form", () => {
  const now = new Date();
  for (const type of ["undecryptable", "unsupported"] as const) {
    expect(forwardReceived({ content: { type } }, now)).toBeNull();
  }
  expect(forwardSent({})).toBeNull();
  const once: WireMessage = { viewOnceMessageV2: { message: { imageMessage: { viewOnce: true } } } };
  expect(forwardSent(once)).toBeNull();
  const text = forwardSent({ conversation: "hello", messageContextInfo: { messageSecret: randomBytes(32) } });
  expect(text).toEqual({
    extendedTextMessage: { text: "hello", contextInfo: { isForwarded: true, forwardingScore: 1 } },
  });
});
