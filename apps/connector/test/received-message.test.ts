import type { BinaryNode } from "@whiskeysockets/baileys";
import { initAuthCreds, proto } from "@whiskeysockets/baileys";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MessageMedia } from "@sandi/contracts";
import { createKeyRing, generateKeyText, webRandom } from "@sandi/crypto";
import { pino } from "pino";
import { expect, test } from "vitest";
import { messageStanza } from "../src/baileys/message-stanza.ts";
import { readPadded, type ReceivedMessage } from "../src/baileys/receive-messages.ts";
import type { ReceivedContent } from "../src/content/kind.ts";
import { createMessageTimes } from "../src/inbound/message-times.ts";
import { createReceiver, tokenOf } from "../src/inbound/receive-message.ts";
import { nodeAtRest } from "@sandi/crypto/node";
import { createChats } from "../src/store/chats.ts";
import { createConversations } from "../src/store/conversations.ts";
import { sweepStore } from "../src/store/sweep.ts";
import { openEvent } from "../src/store/sealed-events.ts";
import { LeaseLost } from "../src/store/fence.ts";
import { acquireLeases } from "../src/store/leases.ts";
import { storeDesiredState } from "../src/store/sessions.ts";
import { openStore } from "../src/store/store.ts";
import { newId, workspaceId } from "./support/rig.ts";

const user = "+6281300000002";
const token = "0123456789ABC";

const creds = { ...initAuthCreds(), me: { id: "6281200000001:7@s.whatsapp.net", lid: "111111111111111:7@lid" } };
const stanza = (attrs: Record<string, string>): BinaryNode => ({
  tag: "message",
  attrs: { id: "3A01", t: "1700000000", ...attrs },
});
const person = "6281300000002@s.whatsapp.net";
const hidden = "222222222222222@lid";

test.each([
  ["by phone number", { from: person }, [person]],
  [
    "from a companion of theirs",
    { from: "6281300000002:3@s.whatsapp.net", sender_lid: hidden },
    ["6281300000002:3@s.whatsapp.net", hidden],
  ],
  ["by LID", { from: hidden, sender_pn: person }, [hidden, person]],
])("a message %s is of a chat of two", (_name, attrs, names) => {
  expect(messageStanza(stanza(attrs), { creds })).toEqual({
    waId: "3A01",
    group: null,
    origin: null,
    names,
    pushName: null,
    isOffline: false,
    isByAdmin: false,
    at: new Date(1_700_000_000_000),
  });
});

test.each([
  ["of our own phone", { from: "6281200000001@s.whatsapp.net", recipient: person }, "phone", [person]],
  [
    "of our own phone by LID",
    { from: "111111111111111@lid", recipient: hidden, peer_recipient_pn: person },
    "phone",
    [hidden, person],
  ],
  ["of another device of ours", { from: "6281200000001:9@s.whatsapp.net", recipient: person }, "device", [person]],
])("a message %s is of the chat with its recipient", (_name, attrs, origin, names) => {
  expect(messageStanza(stanza(attrs), { creds })).toMatchObject({ origin, names, group: null });
});

test("a message in a group has its author", () => {
  const group = "120363000000000000@g.us";
  const attrs = { from: group, participant: hidden, participant_pn: person, addressing_mode: "lid", offline: "1" };
  const named = { ...attrs, notify: "Siti" };
  const read = messageStanza(stanza(named), { creds });
  expect(read).toMatchObject({ group, origin: null, names: [hidden, person], pushName: "Siti", isOffline: true });
  const own = { ...attrs, participant: "111111111111111@lid", participant_pn: "6281200000001@s.whatsapp.net" };
  expect(messageStanza(stanza(own), { creds })).toMatchObject({ group, origin: "phone", names: [] });
});

test.each([
  ["in a group, of nobody", { from: "120363000000000000@g.us" }],
  ["in a status", { from: "status@broadcast", participant: person }],
  ["in a broadcast list", { from: "1700000000@broadcast", participant: person }],
  ["in a newsletter", { from: "120363000000000000@newsletter" }],
  ["from a bot", { from: "867051314767696@bot" }],
  ["of our own phone to this device", { from: "6281200000001@s.whatsapp.net" }],
  ["between our own devices", { from: "6281200000001@s.whatsapp.net", category: "peer" }],
  ["for another recipient", { from: person, recipient: hidden }],
  ["without a sender", {}],
])("a message %s is not reported", (_name, attrs) => {
  expect(messageStanza(stanza(attrs), { creds })).toBeNull();
});

const pad = (content: proto.IMessage) => Buffer.concat([proto.Message.encode(content).finish(), Buffer.from([1])]);
const key = { remoteJid: person, fromMe: false, id: "3A00" };
const written = { conversation: `SV-${token}` };
const { Type } = proto.Message.ProtocolMessage;

const textOf = (words: string): ReceivedContent => ({ type: "text", text: words });
const unsupported: ReceivedContent = { type: "unsupported" };
const tap: ReceivedContent = { type: "reply", id: "a", text: "A" };
const link = `https://x.example SV-${token}`;

test.each<[string, proto.IMessage, ReceivedContent, string | null, boolean]>([
  ["a text", written, textOf(`SV-${token}`), token, false],
  ["a text with a preview", { extendedTextMessage: { text: link } }, textOf(link), token, false],
  ["a text that disappears", { ephemeralMessage: { message: written } }, textOf(`SV-${token}`), token, false],
  [
    "a reply",
    { extendedTextMessage: { text: `SV-${token}`, contextInfo: { quotedMessage: written } } },
    textOf(`SV-${token}`),
    token,
    false,
  ],
  [
    "a reply to a token",
    { extendedTextMessage: { text: "ok", contextInfo: { quotedMessage: written } } },
    textOf("ok"),
    null,
    false,
  ],
  [
    "a forwarded text",
    { extendedTextMessage: { text: `SV-${token}`, contextInfo: { isForwarded: true } } },
    textOf(`SV-${token}`),
    null,
    true,
  ],
  [
    "one forwarded often",
    { extendedTextMessage: { text: `SV-${token}`, contextInfo: { forwardingScore: 5 } } },
    textOf(`SV-${token}`),
    null,
    true,
  ],
  [
    "a location",
    { locationMessage: { degreesLatitude: -6.5, degreesLongitude: 106.75, name: "Monas", address: "Jakarta" } },
    { type: "location", latitude: -6.5, longitude: 106.75, name: "Monas", address: "Jakarta" },
    null,
    false,
  ],
  [
    "a location on the meridian, without a name",
    { locationMessage: { degreesLatitude: 1, name: "", contextInfo: { isForwarded: true } } },
    { type: "location", latitude: 1, longitude: 0 },
    null,
    true,
  ],
  ["a location that is no number", { locationMessage: { degreesLatitude: Number.NaN } }, unsupported, null, false],
  ["a location beyond the poles", { locationMessage: { degreesLatitude: 91 } }, unsupported, null, false],
  ["an empty text", { conversation: "" }, unsupported, null, false],
  [
    "a text with a card",
    { extendedTextMessage: { text: link, matchedText: "https://x.example", title: "X", description: "Y" } },
    { type: "text", text: link, linkPreview: { url: "https://x.example", title: "X", description: "Y" } },
    token,
    false,
  ],
  [
    "a tap on a former button",
    { buttonsResponseMessage: { selectedButtonId: "a", selectedDisplayText: "A" } },
    tap,
    null,
    false,
  ],
  [
    "a tap on a former row",
    { listResponseMessage: { title: "A", singleSelectReply: { selectedRowId: "a" } } },
    tap,
    null,
    false,
  ],
  [
    "a tap on a button of a template",
    { templateButtonReplyMessage: { selectedId: "a", selectedDisplayText: "A" } },
    tap,
    null,
    false,
  ],
  [
    "a tap on a button of WhatsApp's own",
    { interactiveResponseMessage: { body: { text: "A" }, nativeFlowResponseMessage: { paramsJson: '{"id":"a"}' } } },
    tap,
    null,
    false,
  ],
  [
    "a tap that names nothing",
    { interactiveResponseMessage: { nativeFlowResponseMessage: { paramsJson: "[1" } } },
    unsupported,
    null,
    false,
  ],
  [
    "former buttons",
    {
      buttonsMessage: {
        contentText: "Now?",
        footerText: "Acme",
        buttons: [{ buttonId: "a", buttonText: { displayText: "A" } }],
      },
    },
    { type: "buttons", text: "Now?", footer: "Acme", buttons: [{ id: "a", text: "A" }], render: "native" },
    null,
    false,
  ],
  [
    "a former list",
    {
      listMessage: {
        title: "Where?",
        description: "Choose.",
        buttonText: "Open",
        sections: [{ title: "Java", rows: [{ rowId: "a", title: "A" }, { title: "B" }] }, { rows: [] }],
      },
    },
    {
      type: "list",
      text: "Where?\nChoose.",
      buttonText: "Open",
      sections: [{ title: "Java", rows: [{ id: "a", title: "A" }] }],
      render: "native",
    },
    null,
    false,
  ],
  [
    "buttons that lead elsewhere",
    { interactiveMessage: { nativeFlowMessage: { buttons: [{ name: "cta_url", buttonParamsJson: "{}" }] } } },
    unsupported,
    null,
    false,
  ],
  [
    "buttons whose parameters are no JSON",
    { interactiveMessage: { nativeFlowMessage: { buttons: [{ name: "quick_reply", buttonParamsJson: "{" }] } } },
    unsupported,
    null,
    false,
  ],
  [
    "a poll of an announcement group, for any number",
    { pollCreationMessageV2: { name: "When?", options: [{ optionName: "A" }, { optionName: "B" }] } },
    { type: "poll", question: "When?", options: ["A", "B"], maxSelections: 2 },
    null,
    false,
  ],
  ["a poll without options", { pollCreationMessage: { name: "When?" } }, unsupported, null, false],
  [
    "an event without a place on the map",
    { eventMessage: { name: "Launch", startTime: 1_766_566_800, location: { name: "Monas", degreesLatitude: 0 } } },
    { type: "event", name: "Launch", startAt: "2025-12-24T09:00:00.000Z", location: { name: "Monas" } },
    null,
    false,
  ],
  ["an event at no time", { eventMessage: { name: "Launch" } }, unsupported, null, false],
  ["an event in a year that no date has", { eventMessage: { name: "X", startTime: 1e15 } }, unsupported, null, false],
  [
    "a contact",
    { contactMessage: { displayName: "Ayu", vcard: "BEGIN:VCARD\nFN:A\nTEL;waid=1:+1\nEND:VCARD" } },
    { type: "contacts", contacts: [{ name: "Ayu", phones: [{ number: "+1" }] }] },
    null,
    false,
  ],
  ["contacts without a card", { contactsArrayMessage: { contacts: [{ vcard: "" }] } }, unsupported, null, false],
  ["a forwarded picture", { imageMessage: { contextInfo: { isForwarded: true } } }, unsupported, null, true],
  ["a caption", { imageMessage: { caption: `SV-${token}` } }, unsupported, null, false],
])("%s counts as what it is", (_name, message, content, found, isForwarded) => {
  const received = { content, isForwarded };
  const around = { quoted: null, mentions: [], isViewOnce: false, secret: null, file: null };
  const { forwardings, ...read } = readPadded(pad(message)) as { forwardings: number };
  expect(read).toEqual({ ...received, ...around });
  expect(forwardings > 0).toBe(isForwarded);
  expect(tokenOf(received)).toBe(found);
});

const { SecretEncType } = proto.Message.SecretEncryptedMessage;
const encrypted = { encPayload: new Uint8Array(20), encIv: new Uint8Array(12) };

test.each<[string, proto.IMessage, string]>([
  ["taking a message back", { protocolMessage: { type: Type.REVOKE, key } }, "revoke"],
  [
    "an edit",
    { editedMessage: { message: { protocolMessage: { type: Type.MESSAGE_EDIT, key, editedMessage: written } } } },
    "edit",
  ],
  [
    "an encrypted edit",
    { secretEncryptedMessage: { targetMessageKey: key, secretEncType: SecretEncType.MESSAGE_EDIT, ...encrypted } },
    "encryptedEdit",
  ],
  ["a reaction", { reactionMessage: { key, text: "+" } }, "reaction"],
  ["a vote", { pollUpdateMessage: { pollCreationMessageKey: key, vote: encrypted } }, "vote"],
])("%s changes an earlier message", (_name, content, type) => {
  expect(readPadded(pad(content))).toMatchObject({ change: { type, target: "3A00" } });
});

test.each<[string, proto.IMessage]>([
  ["an encrypted reaction", { encReactionMessage: { targetMessageKey: key } }],
  ["an answer to an event", { encEventResponseMessage: { eventCreationMessageKey: key } }],
  ["a vote without content", { pollUpdateMessage: { pollCreationMessageKey: key } }],
  ["a pin of no type", { pinInChatMessage: { key } }],
  ["keys", { senderKeyDistributionMessage: { groupId: "1@g.us" } }],
  ["keys of the account", { protocolMessage: { type: Type.APP_STATE_SYNC_KEY_SHARE } }],
  ["nothing", {}],
])("%s is no message", (_name, content) => {
  expect(readPadded(pad(content))).toBeNull();
});

test("what a sender says of a file stays within what the edge takes", () => {
  const audioMessage = {
    fileSha256: new Uint8Array(32),
    fileLength: "18446744073709551615" as unknown as number,
    waveform: new Uint8Array(5000).fill(7),
    mimetype: `audio/${"x".repeat(1000)}`,
    seconds: 4_294_967_295,
    ptt: true,
  };
  const said = readPadded(pad({ audioMessage }));
  const content = said && "content" in said && "media" in said.content ? said.content : null;
  const shown = MessageMedia.safeParse({
    ...content?.media,
    mediaId: null,
    mediaState: "not_fetched",
    fileName: null,
    contentPath: null,
    url: null,
  });
  expect(shown.error).toBeUndefined();
  expect(shown.data).toMatchObject({ mimeType: "application/octet-stream", sizeBytes: Number.MAX_SAFE_INTEGER });
});

test("a long file name is cut between characters, and a long reaction is cut", () => {
  const documentMessage = { fileSha256: new Uint8Array(32), fileName: `${"a".repeat(254)}😀.pdf` };
  const said = readPadded(pad({ documentMessage }));
  const name = said && "content" in said && "media" in said.content ? said.content.media.fileName : undefined;
  expect(name).toBe(`${"a".repeat(254)}\ufffd`);
  expect(() => encodeURIComponent(name!)).not.toThrow();
  const reaction = readPadded(pad({ reactionMessage: { key, text: "😀".repeat(40_000) } }));
  expect(reaction).toMatchObject({ change: { type: "reaction", emoji: "😀".repeat(32) } });
});

test("what is no protobuf is no message", () => {
  expect(readPadded(Buffer.from([0xff, 0xff, 0xff, 1]))).toBeNull();
  expect(readPadded(new Uint8Array())).toBeNull();
});

test("a message is reported once by its id, unless it is old, and its id is deleted a day later", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sandi-inbound-"));
  const day = 86_400_000;
  const now = { at: new Date("2026-11-21T10:00:00.000Z") };
  const store = await openStore({ url: `file:${join(folder, "connector.db")}`, authToken: undefined }, now.at);
  const id = newId("ses");
  await storeDesiredState(store, { sessionId: id, workspaceId, desired: "running", revision: 1 }, now.at);
  const lease = { owner: "a", run: "a", now: now.at, leaseMs: 1, includeOwn: false, limit: 1 };
  const [row] = await acquireLeases(store, lease);
  const fence = { sessionId: id, fence: row!.fence };
  const keys = createKeyRing(generateKeyText("k1", webRandom));
  const atRest = (owner: string) => nodeAtRest(keys, owner, webRandom);
  let events = 0;
  const { receive } = createReceiver({
    idTimeOf: createMessageTimes(),
    logger: pino({ level: "silent" }),
    services: {
      after: () => () => undefined,
      now: () => now.at,
      newId: () => `evt_${String(++events).padStart(24, "0")}`,
    },
    store,
    atRest,
    pseudonym: (text) => `p${text}`,
    chats: createChats(store, { now: () => now.at, pseudonym: (text) => `p${text}` }),
    conversations: createConversations({
      store,
      atRest,
      pseudonym: (text) => `p${text}`,
      services: { newId, now: () => new Date() },
    }),
    deliveries: { message: () => Promise.resolve(null), revoked: () => Promise.resolve() },
    erased: { covers: () => Promise.resolve(false) },
    numbered: { find: () => Promise.resolve(null) },
    onAppended: () => undefined,
    onFile: () => undefined,
  });
  const ago = (ms: number) => new Date(now.at.getTime() - ms);
  const names = [`${user.slice(1)}@s.whatsapp.net`, "100@lid"];
  const content = textOf(`SV-${token}`);
  const message: ReceivedMessage = {
    waId: "3A01",
    group: null,
    origin: null,
    from: user,
    names,
    own: [],
    pushName: null,
    isOffline: false,
    isByAdmin: false,
    said: {
      content,
      isForwarded: false,
      forwardings: 0,
      quoted: null,
      mentions: [],
      isViewOnce: false,
      secret: null,
      file: null,
    },
    at: ago(1000),
  };
  const reported = async () => {
    const { rows } = await store.client.execute("SELECT body FROM outbox ORDER BY seq");
    return Promise.all(rows.map((one) => openEvent(atRest, one["body"] as string)));
  };
  await Promise.all([receive(fence, message), receive(fence, message), receive(fence, { ...message, from: null })]);
  await receive(fence, { ...message, waId: "3A02", at: ago(day + 1000) });
  await receive(fence, { ...message, waId: "3A03", at: new Date(Number.NaN) });
  expect(await reported()).toMatchObject([
    { from: user, token, at: "2026-11-21T09:59:59.000Z" },
    { at: "2026-11-21T10:00:00.000Z" },
  ]);
  await expect(receive({ ...fence, fence: fence.fence - 1 }, { ...message, waId: "3A04" })).rejects.toThrow(LeaseLost);
  expect(await reported()).toHaveLength(2);
  const { rows: met } = await store.client.execute("SELECT person, reached_at, wrote_at FROM chat ORDER BY person");
  const writer = { reached_at: null, wrote_at: now.at.getTime() };
  expect(met).toEqual([
    { person: "p100@lid", ...writer },
    { person: `p${names[0]}`, ...writer },
  ]);
  const remembered = async () =>
    (await store.client.execute("SELECT count(*) AS n FROM received")).rows[0]!["n"] as number;
  now.at = new Date(now.at.getTime() + day);
  await sweepStore(store, now.at, 7);
  expect(await remembered()).toBe(2);
  now.at = new Date(now.at.getTime() + 1);
  await sweepStore(store, now.at, 7);
  expect(await remembered()).toBe(0);
  await store.close();
  await rm(folder, { recursive: true });
});
