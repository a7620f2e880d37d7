import type { Problem, ReadMessagesRpc, StoredMessage } from "@sandi/contracts";
import { proto, type WASocket } from "@whiskeysockets/baileys";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { z } from "zod";
import { deleteForMe, type MessageName, starMessage } from "../src/baileys/app-state.ts";
import type { BaileysLogger } from "../src/baileys/logger.ts";
import type { WhatsAppSocket } from "../src/baileys/socket.ts";
import { whatsappId } from "../src/content/whatsapp-ids.ts";
import { until } from "./support/fake-edge.ts";
import { newId, type Rig, sendJob, startRig } from "./support/rig.ts";

const own = "+6281200000001";
const user = "+6281300000002";
const chat = "6281300000002@s.whatsapp.net";

let rig: Rig;
let sessionId: string;
let socket: WhatsAppSocket;
beforeEach(async () => {
  rig = await startRig({ around: (open) => (options) => (socket = open(options)) });
  sessionId = await rig.pair(own);
  rig.simulator.createPhone({ number: user });
  await until("the phone has shared its key, and the first sync is over", () =>
    call(async ({ authState: { creds } }) => creds.myAppStateKeyId !== undefined && creds.accountSyncCounter > 0),
  );
});
afterEach(() => rig.close());

const call = <Output>(ask: (sock: WASocket) => Promise<Output>) => socket.call(ask, undefined);
const star = (name: MessageName, isStarred = true) => socket.call(starMessage, { ...name, isStarred, now: new Date() });

/** A message of the other person, with our id and WhatsApp's. */
async function received(text: string) {
  const { id: waId } = await rig.simulator.send(user, { to: own, text });
  const event = await until("it is reported", () => rig.edge.events.find((each) => each.type === "message.received"));
  const messageId = (event.type === "message.received" && event.message?.messageId) || "";
  return { messageId, waId, name: { chat, waId, isOwn: false, author: null } satisfies MessageName };
}

/** A text of the API that is no code. */
async function sendText(text: string): Promise<string> {
  const messageId = newId("msg");
  await rig.edge.accept(messageId, { to: user, type: "text", text });
  await rig.edge.deliverUntilDone("/jobs/send", { ...sendJob(messageId, sessionId), lane: "normal", pacing: "off" });
  return messageId;
}

async function read(messageId: string): Promise<StoredMessage | undefined> {
  const response = await rig.edge.rpc("/rpc/messages/read", { sessionId, messageIds: [messageId] });
  return ((await response.json()) as z.output<typeof ReadMessagesRpc.response>).messages[0];
}

const shownStar = (waId: string) => rig.simulator.messages(own).find(({ id }) => id === waId)?.isStarred;
const isReadStarred = (messageId: string, isStarred: boolean) =>
  until("the store has it", async () => (await read(messageId))?.isStarred === isStarred);

describe("what the account does on its phone for itself alone", () => {
  test("is in the store, for messages of others and of the API", async () => {
    const sent = await sendText("on its way");
    const { messageId, waId } = await received("thanks");
    await rig.simulator.waitForMessage(own, ({ id }) => id === whatsappId(sent));
    for (const [ours, theirs] of [
      [messageId, waId],
      [sent, whatsappId(sent)],
    ] as const) {
      expect(await read(ours)).toMatchObject({ isStarred: false });
      await rig.simulator.send(own, { to: user, star: theirs });
      await isReadStarred(ours, true);
      await rig.simulator.send(own, { to: user, unstar: theirs });
      await isReadStarred(ours, false);
      await rig.simulator.send(own, { to: user, deleteForMe: theirs });
      await until("it is reported", () => rig.edge.typesOf(ours).includes("message.deleted"));
    }
    for (const each of [messageId, sent]) expect(await read(each)).toMatchObject({ content: null });
  });

  test("happens while the session is offline and is there when it is back, with the message itself", async () => {
    await rig.stop();
    const { id } = await rig.simulator.send(user, { to: own, text: "are you there?" });
    await rig.simulator.waitForMessage(own, (message) => message.id === id);
    await rig.simulator.send(own, { to: user, star: id });
    await rig.start();
    const event = await until("it is reported", () => rig.edge.events.find((each) => each.type === "message.received"));
    const messageId = (event.type === "message.received" && event.message?.messageId) || "";
    await isReadStarred(messageId, true);
    expect(await read(messageId)).toMatchObject({ content: { text: "are you there?" } });
  });

  test("is not believed when it was changed on the way", async () => {
    const [first, second] = [await received("one"), await rig.simulator.send(user, { to: own, text: "two" })];
    await rig.simulator.waitForMessage(own, ({ id }) => id === second.id);
    rig.simulator.setFault({ kind: "app-state", number: own, says: "tampered", times: 1 });
    await rig.simulator.send(own, { to: user, star: first.waId });
    await until("the patch was fetched", () => rig.simulator.faults().length === 0);
    await rig.simulator.send(own, { to: user, deleteForMe: second.id });
    await until("the next one is reported", () => rig.edge.events.some(({ type }) => type === "message.deleted"));
    expect(await read(first.messageId)).toMatchObject({ isStarred: false });
  });

  test.each(["more", "nothing"] as const)("is asked for once when the answer is odd: %s", async (says) => {
    const { messageId, waId } = await received("hello");
    rig.simulator.setFault({ kind: "app-state", number: own, says, times: 1000 });
    await rig.simulator.send(own, { to: user, star: waId });
    await until("it was asked for", () => timesLeft() < 1000);
    // The same connection goes on: its next send waits for the app state.
    await rig.send(sessionId, { to: user, type: "text", text: "still here" });
    expect(timesLeft()).toBe(999);
    rig.simulator.clearFaults();
    await rig.simulator.send(own, { to: user, star: waId });
    await isReadStarred(messageId, true);
  });
});

const isDiverged = ({ logger }: WASocket) => (logger as BaileysLogger).diverged.size > 0;
const timesLeft = () => (rig.simulator.faults()[0] as { times?: number } | undefined)?.times ?? 0;

describe("what a session does for itself alone", () => {
  test("is on the phone: a star, the end of it, a deletion", async () => {
    const { waId, name } = await received("thanks");
    await star(name);
    await until("the phone shows it", () => shownStar(waId) === true);
    await star(name, false);
    await until("the phone shows it", () => shownStar(waId) === false);
    await socket.call(deleteForMe, { ...name, at: new Date(), now: new Date() });
    await until("the phone shows it", () => rig.simulator.messages(own).every(({ id }) => id !== waId));
    expect(rig.simulator.messages(user)).toHaveLength(1);
    expect(rig.simulator.stats().appStateUnreadable).toBe(0);
  });

  test("is done again when another device was faster, and one after another", async () => {
    const { waId, name } = await received("thanks");
    rig.simulator.setFault({ kind: "app-state", number: own, says: "conflict", times: 2 });
    await Promise.all([star(name), star(name, false), rig.simulator.send(own, { to: user, star: waId }), star(name)]);
    await until("the phone shows it", () => shownStar(waId) === true);
    expect(rig.simulator.faults()).toEqual([]);
    // What the phone does next is read: nothing is out of step.
    await rig.simulator.send(own, { to: user, deleteForMe: waId });
    await until("it is reported", () => rig.edge.events.some(({ type }) => type === "message.deleted"));
    expect(rig.simulator.stats().appStateUnreadable).toBe(0);
  });

  test("works after a version was stored that the server does not have", async () => {
    const { waId, name } = await received("thanks");
    rig.simulator.setFault({ kind: "app-state", number: own, says: "conflict", times: 1 });
    const index = ["star", chat, waId, "0", "0"];
    const { SET } = proto.SyncdMutation.SyncdOperation;
    const syncAction = { starAction: { starred: true } };
    await call((sock) => sock.appPatch({ type: "regular_high", operation: SET, index, syncAction, apiVersion: 2 }));
    expect(shownStar(waId)).toBeUndefined();
    await star(name);
    await until("the phone shows it", () => shownStar(waId) === true);
  });

  test("is made on what the other devices have, also after a change that could not be read", async () => {
    const { waId, name } = await received("thanks");
    rig.simulator.setFault({ kind: "app-state", number: own, says: "tampered", times: 1 });
    await rig.simulator.send(own, { to: user, star: waId });
    await until("the patch was fetched", () => rig.simulator.faults().length === 0);
    await star(name, false);
    await until("the phone shows it", () => shownStar(waId) === false);
    expect(rig.simulator.stats().appStateUnreadable).toBe(0);
    rig.simulator.setFault({ kind: "app-state", number: own, says: "tampered" });
    await rig.simulator.send(own, { to: user, star: waId });
    await until("the patch is known to be wrong", async () => call(async (sock) => isDiverged(sock)));
    await expect(star(name)).rejects.toThrow("cannot be read");
    expect(rig.simulator.stats().appStateUnreadable).toBe(0);
  });

  test("fails when others are faster each time, and changes nothing", async () => {
    const { waId, name } = await received("thanks");
    rig.simulator.setFault({ kind: "app-state", number: own, says: "conflict" });
    await expect(star(name)).rejects.toThrow("faster each time");
    expect(shownStar(waId)).toBeUndefined();
    rig.simulator.clearFaults();
    await star(name);
    await until("the phone shows it", () => shownStar(waId) === true);
  });

  test("names the author of a message in a group", async () => {
    const { id: group } = rig.simulator.createGroup(user, { subject: "Warung", participants: [own] });
    const { id: waId } = await rig.simulator.send(user, { to: group, text: "hello all" });
    await until("it is reported", () => rig.edge.events.some(({ type }) => type === "message.received"));
    const author = `${rig.simulator.phone(user).lid}@lid`;
    await star({ chat: group, waId, isOwn: false, author: null });
    await star({ chat: group, waId, isOwn: false, author });
    await until("the phone shows it", () => shownStar(waId) === true);
    expect(rig.simulator.messages(user)[0]).not.toHaveProperty("isStarred");
  });
});

test("a device that has no key yet says so", async () => {
  const { name } = await received("thanks");
  await call(async (sock) => void delete sock.authState.creds.myAppStateKeyId);
  await expect(star(name)).rejects.toThrow("no key");
});

const ask = async (name: "star" | "delete-for-me", messageId: string, fields: object) => {
  const input = { sessionId, messageId, actionId: newId("evt"), ...fields };
  const response = await rig.edge.rpc(`/rpc/messages/${name}`, input);
  return { status: response.status, body: (await response.json()) as Problem & { at: string } };
};
const ok = { status: 200, body: { at: expect.any(String) } };

describe("a call of the edge", () => {
  test("stars a received message, takes the star back, and deletes the message for the account alone", async () => {
    const { messageId, waId } = await received("thanks");
    expect(await ask("star", messageId, { isStarred: true })).toEqual(ok);
    expect(await read(messageId)).toMatchObject({ isStarred: true });
    await until("the phone shows it", () => shownStar(waId) === true);
    expect(await ask("star", messageId, { isStarred: false })).toEqual(ok);
    expect(await read(messageId)).toMatchObject({ isStarred: false });
    expect(await ask("delete-for-me", messageId, { sentAt: new Date().toISOString() })).toEqual(ok);
    await until("the phone shows it", () => rig.simulator.messages(own).length === 0);
    await until("it is reported", () => rig.edge.typesOf(messageId).includes("message.deleted"));
    expect(await read(messageId)).toMatchObject({ content: null });
    expect((await ask("star", messageId, { isStarred: true })).body.code).toBe("message-not-kept");
    expect(rig.simulator.messages(user)).toHaveLength(1);
  });

  test("does the same with a message of the API, and with one of a group", async () => {
    const sent = await sendText("on its way");
    const waId = whatsappId(sent);
    await rig.simulator.waitForMessage(own, ({ id }) => id === waId);
    expect(await ask("star", sent, { isStarred: true })).toEqual(ok);
    await until("the phone shows it", () => shownStar(waId) === true);
    const { id: group } = rig.simulator.createGroup(user, { subject: "Warung", participants: [own] });
    const inGroup = await rig.simulator.send(user, { to: group, text: "hello all" });
    const event = await until("it is reported", () =>
      rig.edge.events.find((each) => each.type === "message.received" && each.message?.chatKind === "group"),
    );
    const messageId = (event.type === "message.received" && event.message?.messageId) || "";
    expect(await ask("star", messageId, { isStarred: true })).toEqual(ok);
    await until("the phone shows it", () => shownStar(inGroup.id) === true);
    expect(await ask("delete-for-me", sent, { sentAt: new Date().toISOString() })).toEqual(ok);
    await until("the phone shows it", () => rig.simulator.messages(own).every(({ id }) => id !== waId));
  });

  test("says what WhatsApp says, and whether it may have happened", async () => {
    const { messageId } = await received("thanks");
    const starred = () => ask("star", messageId, { isStarred: true });
    rig.simulator.setFault({ kind: "app-state", number: own, says: "conflict" });
    expect((await starred()).body).toMatchObject({ status: 503, code: "connector-unavailable" });
    rig.simulator.clearFaults();
    rig.simulator.setFault({ kind: "iq-error", number: own, xmlns: "w:sync:app:state", code: 406 });
    expect((await starred()).body).toMatchObject({ code: "whatsapp-refused", whatsappCode: 406 });
    rig.simulator.clearFaults();
    rig.simulator.setFault({ kind: "silence", number: own });
    expect((await starred()).body).toMatchObject({ status: 504, code: "outcome-unknown" });
    expect(await read(messageId)).toMatchObject({ isStarred: false });
  });
});
