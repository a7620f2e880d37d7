import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { decryptPollVote, proto, type WAMessage } from "@whiskeysockets/baileys";
import { describe, expect, it } from "vitest";
import type { ChatMessage, Simulator } from "../src/index.ts";
import { type Client, textOf } from "./support/client.ts";
import { linked, newWorld, sender, senderJid, sendText, user, userJid } from "./support/world.ts";

const { Type } = proto.Message.ProtocolMessage;
const { Type: PinType } = proto.PinInChat;
const options = ["Nasi", "Mie", "Roti"];

const shown = (simulator: Simulator, number: string, fits: (message: ChatMessage) => boolean) =>
  simulator.waitForMessage(number, fits);

/** The first update of a message that fits. */
function updateOf({ sock }: Client, fits: (update: Partial<WAMessage>) => boolean): Promise<Partial<WAMessage>> {
  return new Promise((resolve) => {
    sock.ev.on("messages.update", (all) => {
      const found = all.find(({ update }) => fits(update));
      // A deletion repeats the key of the message that deletes.
      if (found) resolve({ ...found.update, key: found.key });
    });
  });
}

describe("what a companion does to a message", () => {
  it("reacts, changes its mind and takes it back", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const sent = await session.sock.sendMessage(userJid, { text: "lunch?" });
    const id = sent!.key.id!;
    for (const emoji of ["👍", "🎉"]) {
      await session.sock.sendMessage(userJid, { react: { text: emoji, key: sent!.key } });
      for (const number of [user, sender]) {
        const message = await shown(simulator, number, (each) => each.reactions?.[0]?.emoji === emoji);
        expect(message).toMatchObject({ id, text: "lunch?", reactions: [{ from: sender, emoji }] });
      }
    }
    await session.sock.sendMessage(userJid, { react: { text: "", key: sent!.key } });
    await shown(simulator, user, ({ reactions }) => reactions?.length === 0);
  });

  it("edits, pins, and deletes for everyone", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const sent = await session.sock.sendMessage(userJid, { text: "at one" });
    const { key } = sent!;
    await session.sock.sendMessage(userJid, { text: "at two", edit: key });
    const edited = await shown(simulator, user, ({ text }) => text === "at two");
    expect(edited).toMatchObject({ id: key.id, kind: "text", editedAt: expect.stringMatching(/Z$/) });
    await session.sock.sendMessage(userJid, { pin: key, type: PinType.PIN_FOR_ALL, time: 86_400 });
    await shown(simulator, user, ({ isPinned }) => isPinned === true);
    await session.sock.sendMessage(userJid, { pin: key, type: PinType.UNPIN_FOR_ALL });
    await shown(simulator, user, ({ isPinned }) => isPinned === false);
    await session.sock.sendMessage(userJid, { delete: key });
    for (const number of [user, sender]) {
      const revoked = await shown(simulator, number, ({ kind }) => kind === "revoked");
      expect(revoked).toMatchObject({ id: key.id, text: "" });
      expect(revoked.editedAt).toBeUndefined();
    }
  });

  it("may not edit or delete what the other one wrote", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const { id } = await simulator.send(user, { to: sender, text: "mine" });
    await session.message((each) => textOf(each) === "mine");
    const key = { remoteJid: userJid, fromMe: false, id };
    await session.sock.relayMessage(userJid, { protocolMessage: { key, type: Type.REVOKE } }, {});
    const editedMessage = { conversation: "theirs" };
    await session.sock.relayMessage(userJid, { protocolMessage: { key, type: Type.MESSAGE_EDIT, editedMessage } }, {});
    await sendText(session, userJid, "after");
    await shown(simulator, user, ({ text }) => text === "after");
    expect(simulator.messages(user)[0]).toMatchObject({ id, kind: "text", text: "mine" });
  });

  it.each([
    ["pn", "pn"],
    ["pn", "lid"],
    ["lid", "pn"],
    ["lid", "lid"],
  ] as const)("votes in a poll whose author it names by %s and itself by %s", async (authorMode, voterMode) => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const poll = await session.sock.sendMessage(userJid, {
      poll: { name: "Lunch?", values: options, selectableCount: 2 },
    });
    const id = poll!.key.id!;
    await shown(simulator, user, (each) => each.id === id);
    const nameOf = (mode: "pn" | "lid") => (mode === "pn" ? senderJid : `${simulator.phone(sender).lid}@lid`);
    const [author, voter] = [nameOf(authorMode), nameOf(voterMode)];
    const secret = poll!.message!.messageContextInfo!.messageSecret!;
    const key = Buffer.from(hkdfSync("sha256", secret, "", `${id}${author}${voter}Poll Vote`, 32));
    const encIv = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", key, encIv).setAAD(Buffer.from(`${id}\0${voter}`));
    const chosen = await Promise.all(
      [options[0], options[2]].map(
        async (name) => new Uint8Array(await crypto.subtle.digest("SHA-256", Buffer.from(name!))),
      ),
    );
    const plain = proto.Message.PollVoteMessage.encode({ selectedOptions: chosen }).finish();
    const encPayload = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    const pollUpdateMessage = { pollCreationMessageKey: poll!.key, vote: { encPayload, encIv }, senderTimestampMs: 1 };
    await session.sock.relayMessage(userJid, { pollUpdateMessage }, {});
    const voted = await shown(simulator, user, ({ votes }) => votes !== undefined);
    expect(voted).toMatchObject({ id, votes: [{ from: sender, options: ["Nasi", "Roti"] }] });
  });
});

describe("what a phone does to a message", () => {
  it("reacts to what a companion wrote", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const id = await sendText(session, userJid, "lunch?");
    await shown(simulator, user, (each) => each.id === id);
    const reacted = new Promise((resolve) => session.sock.ev.on("messages.reaction", resolve));
    const message = await simulator.send(user, { to: sender, reactTo: id, emoji: "😋" });
    expect(message).toMatchObject({ id, reactions: [{ from: user, emoji: "😋" }] });
    expect(await reacted).toMatchObject([{ key: { id, fromMe: true }, reaction: { text: "😋" } }]);
    expect(await simulator.send(user, { to: sender, reactTo: id, emoji: "" })).toMatchObject({ reactions: [] });
  });

  it("edits and deletes what it wrote, and nothing else", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const { id } = await simulator.send(user, { to: sender, text: "at one" });
    await session.message((each) => textOf(each) === "at one");
    const updated = updateOf(session, ({ message }) => Boolean(message?.editedMessage));
    expect(await simulator.send(user, { to: sender, edit: id, text: "at two" })).toMatchObject({ id, text: "at two" });
    expect((await updated).message?.editedMessage?.message).toMatchObject({ extendedTextMessage: { text: "at two" } });
    const gone = updateOf(session, ({ message }) => message === null);
    expect(await simulator.send(user, { to: sender, delete: id })).toMatchObject({ id, kind: "revoked" });
    expect(await gone).toMatchObject({ key: { id }, messageStubType: 1 });
    const theirs = await sendText(session, userJid, "not yours");
    await shown(simulator, user, (each) => each.id === theirs);
    const attempt = (input: object) =>
      simulator.send(user, { to: sender, ...input } as never).catch((error: { code: string }) => error.code);
    expect(await attempt({ delete: theirs })).toBe("not_author");
    expect(await attempt({ edit: theirs, text: "x" })).toBe("not_author");
    expect(await attempt({ edit: "3A00", text: "x" })).toBe("message_not_found");
    expect(await attempt({ delete: id })).toBe("message_not_found");
    expect(await attempt({ voteIn: theirs, options: ["x"] })).toBe("invalid_request");
  });

  it.each(["pn", "lid"] as const)("edits with the message's secret, addressed by %s", async (addressing) => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const { id } = await simulator.send(user, { to: sender, text: "at one", addressing });
    const { message: original } = await session.message((each) => textOf(each) === "at one");
    await simulator.send(user, { to: sender, edit: id, text: "at two", encrypted: true, addressing });
    const { message } = await session.message((each) => Boolean(each.message?.secretEncryptedMessage));
    const { targetMessageKey, encPayload, encIv, secretEncType } = message.message!.secretEncryptedMessage!;
    expect({ id: targetMessageKey?.id, secretEncType }).toEqual({ id, secretEncType: 2 });
    const author = addressing === "pn" ? userJid : `${simulator.phone(user).lid}@lid`;
    const secret = original.message!.messageContextInfo!.messageSecret!;
    const key = Buffer.from(hkdfSync("sha256", secret, "", `${id}${author}${author}Message Edit`, 32));
    const payload = Buffer.from(encPayload!);
    const cipher = createDecipheriv("aes-256-gcm", key, encIv!).setAuthTag(payload.subarray(-16));
    const opened = proto.Message.decode(Buffer.concat([cipher.update(payload.subarray(0, -16)), cipher.final()]));
    expect(opened.protocolMessage).toMatchObject({ editedMessage: { extendedTextMessage: { text: "at two" } } });
    // The phone of the other account reads it, too.
    await shown(simulator, sender, ({ text }) => text === "at two");
  });

  it("writes without a secret on purpose: then its edits cannot be encrypted", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    simulator.setFault({ kind: "missing-secret", number: user, times: 1 });
    const { id } = await simulator.send(user, { to: sender, text: "at one" });
    const { message } = await session.message((each) => textOf(each) === "at one");
    expect(message.message?.messageContextInfo?.messageSecret ?? null).toBeNull();
    await expect(simulator.send(user, { to: sender, edit: id, text: "x", encrypted: true })).rejects.toMatchObject({
      code: "no_secret",
    });
  });

  it.each(["pn", "lid"] as const)("votes in a companion's poll, addressed by %s", async (addressing) => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const poll = await session.sock.sendMessage(userJid, { poll: { name: "Lunch?", values: options } });
    const id = poll!.key.id!;
    await shown(simulator, user, (each) => each.id === id);
    const voted = await simulator.send(user, { to: sender, voteIn: id, options: ["Mie"], addressing });
    expect(voted).toMatchObject({ id, votes: [{ from: user, options: ["Mie"] }] });
    const { message } = await session.message((each) => Boolean(each.message?.pollUpdateMessage));
    const nameOf = (number: string) =>
      addressing === "pn" ? `${number.slice(1)}@s.whatsapp.net` : `${simulator.phone(number).lid}@lid`;
    const vote = decryptPollVote(message.message!.pollUpdateMessage!.vote!, {
      pollEncKey: poll!.message!.messageContextInfo!.messageSecret!,
      pollCreatorJid: nameOf(sender),
      pollMsgId: id,
      voterJid: nameOf(user),
    });
    const hash = Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from("Mie")));
    expect(vote.selectedOptions?.map((each) => Buffer.from(each))).toEqual([hash]);
    expect(await simulator.send(user, { to: sender, voteIn: id, options: [] })).toMatchObject({ votes: [] });
  });

  it("pins, and its own companion hears of all that it does", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const { id } = await simulator.send(sender, { to: user, text: "mine" });
    expect(await simulator.send(sender, { to: user, pin: id, isPinned: true })).toMatchObject({ isPinned: true });
    const { message } = await session.message((each) => Boolean(each.message?.pinInChatMessage));
    expect(message).toMatchObject({
      key: { fromMe: true, remoteJid: userJid },
      message: { pinInChatMessage: { key: { id } } },
    });
    expect(await shown(simulator, user, ({ isPinned }) => isPinned === true)).toMatchObject({ id });
  });
});

describe("accounts that moved to LIDs, or did not", () => {
  it("refuses sends to the phone number or to the LID on purpose, and takes the other", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const lid = `${simulator.phone(user).lid}@lid`;
    const refusals = [
      ["pn", 463, userJid, lid],
      ["lid", 400, lid, userJid],
    ] as const;
    for (const [addressing, code, refused, taken] of refusals) {
      const fault = simulator.setFault({ kind: "send-error", addressing, code });
      expect(await session.ack(await sendText(session, refused, "one"))).toMatchObject({ error: String(code) });
      expect((await session.ack(await sendText(session, taken, "two")))["error"]).toBeUndefined();
      simulator.clearFaults(fault.id);
    }
  });

  it("knows a contact that hides its number by its LID alone", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    simulator.setFault({ kind: "lid-only", number: user });
    const lid = `${simulator.phone(user).lid}@lid`;
    await simulator.send(user, { to: sender, text: "who am I?" });
    const { message } = await session.message((each) => textOf(each) === "who am I?");
    expect(message.key).toMatchObject({ remoteJid: lid });
    expect(message.key.remoteJidAlt ?? null).toBeNull();
    expect(await session.sock.onWhatsApp(user)).toEqual([]);
    expect((await session.ack(await sendText(session, lid, "hello")))["error"]).toBeUndefined();
    await shown(simulator, user, ({ text }) => text === "hello");
    expect(await session.ack(await sendText(session, userJid, "no"))).toMatchObject({ error: "463" });
    const group = simulator.createGroup(user, { subject: "Hidden", participants: [sender] });
    const { participants } = await session.sock.groupMetadata(group.id);
    expect(participants.find(({ id }) => id === lid)?.phoneNumber).toBeUndefined();
  });
});
