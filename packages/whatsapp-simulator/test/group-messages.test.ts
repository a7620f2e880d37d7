import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { proto } from "@whiskeysockets/baileys";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Simulator } from "../src/index.ts";
import { type Client, textOf } from "./support/client.ts";
import { linked, newWorld, sender, until, user } from "./support/world.ts";

const third = "+6281100000003";
const lidOf = (simulator: Simulator, number: string) => `${simulator.phone(number).lid}@lid`;

async function newGroup(): Promise<{ simulator: Simulator; session: Client; group: string }> {
  const simulator = await newWorld();
  simulator.createPhone({ number: third, name: "Budi" });
  const session = await linked(simulator);
  const { id } = simulator.createGroup(user, { subject: "Warung", participants: [sender, third] });
  return { simulator, session, group: id };
}

describe("messages in groups", () => {
  it("of a companion are shown on every member's phone, with a receipt of each", async () => {
    const { simulator, session, group } = await newGroup();
    const hasRead = new Set<string>();
    const learn = (id: string | null | undefined, { userJid, readTimestamp }: proto.IUserReceipt) => {
      if (readTimestamp) hasRead.add(`${id} ${userJid}`);
    };
    session.sock.ev.on("message-receipt.update", (all) => all.forEach(({ key, receipt }) => learn(key.id, receipt)));
    // Baileys merges a receipt that comes early into the event of the message.
    session.sock.ev.on("messages.upsert", ({ messages }) => {
      for (const { key, userReceipt } of messages) for (const each of userReceipt ?? []) learn(key.id, each);
    });
    const texts = ["first", "in the same session"];
    for (const text of texts) {
      const sent = await session.sock.sendMessage(group, { text });
      for (const number of [user, third]) {
        const shown = await simulator.waitForMessage(number, (each) => each.text === text);
        expect(shown).toMatchObject({ from: sender, to: group, chat: group, direction: "in", encryption: "skmsg" });
      }
      const own = await simulator.waitForMessage(sender, ({ id, status }) => id === sent!.key.id && status === "read");
      expect(own).toMatchObject({ direction: "out", chat: group });
      expect(own.receipts?.toSorted((a, b) => a.from.localeCompare(b.from))).toEqual([
        { from: user, status: "read" },
        { from: third, status: "read" },
      ]);
      for (const number of [user, third]) await until(() => hasRead.has(`${sent!.key.id} ${lidOf(simulator, number)}`));
    }
    expect(session.complaints).toEqual([]);
  });

  it("are delivered when one member is behind, and read when all have read", async () => {
    const { simulator, session, group } = await newGroup();
    simulator.updatePhone(third, { online: false });
    const sent = await session.sock.sendMessage(group, { text: "slow one" });
    const own = (fits: (status: string) => boolean) =>
      simulator.waitForMessage(sender, ({ id, status }) => id === sent!.key.id && fits(status));
    await simulator.waitForMessage(sender, ({ receipts }) => receipts?.[0]?.status === "read");
    expect((await own(() => true)).status).toBe("sent");
    simulator.updatePhone(third, { receipts: "delivered", online: true });
    await own((status) => status === "delivered");
  });

  it("of a phone are read by companions and phones, in order, over a restart", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sandi-groups-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const stateFile = join(folder, "whatsapp.json");
    const before = await newWorld({ stateFile });
    const { id: group } = before.createGroup(user, { subject: "Kept", participants: [sender] });
    await before.send(user, { to: group, text: "one" });
    await before.waitForMessage(sender, ({ text }) => text === "one");
    await before.close();
    const simulator = await newWorld({ stateFile });
    const session = await linked(simulator);
    for (const text of ["two", "three"]) {
      const written = await simulator.send(user, { to: group, text });
      expect(written).toMatchObject({ chat: group, to: group, direction: "out" });
      const { message } = await session.message((each) => textOf(each) === text);
      expect(message).toMatchObject({
        pushName: "Ayu",
        key: { remoteJid: group, participant: lidOf(simulator, user), fromMe: false },
      });
      await simulator.waitForMessage(sender, (each) => each.text === text && each.encryption === "skmsg");
    }
    await simulator.send(sender, { to: group, text: "mine" });
    const { message } = await session.message((each) => textOf(each) === "mine");
    expect(message.key).toMatchObject({ remoteJid: group, fromMe: true });
    expect(session.complaints).toEqual([]);
  });

  it("are read by none who left, and refused where only admins write", async () => {
    const { simulator, session, group } = await newGroup();
    await simulator.send(third, { to: group, text: "before" });
    await session.message((each) => textOf(each) === "before");
    simulator.leaveGroup(user, group);
    await simulator.send(third, { to: group, text: "after" });
    await session.message((each) => textOf(each) === "after");
    expect(simulator.messages(user).map(({ text }) => text)).toEqual(["before"]);
    await expect(simulator.send(user, { to: group, text: "x" })).rejects.toMatchObject({ code: "not_group_member" });
    const strict = simulator.createGroup(user, { subject: "News", participants: [third] }).id;
    simulator.updateGroup(user, strict, { isAnnouncement: true });
    await expect(simulator.send(third, { to: strict, text: "x" })).rejects.toMatchObject({ code: "not_group_admin" });
    await simulator.send(user, { to: strict, text: "news" });
    await simulator.waitForMessage(third, ({ text }) => text === "news");
  });

  it("are asked for again by a companion and by a phone that cannot decrypt", async () => {
    const { simulator, session, group } = await newGroup();
    simulator.setFault({ kind: "corrupt-to-companion", number: sender, times: 1 });
    await simulator.send(user, { to: group, text: "damaged on the way down" });
    await session.message((each) => textOf(each) === "damaged on the way down");
    simulator.setFault({ kind: "corrupt-to-phone", number: third, times: 1 });
    await session.sock.sendMessage(group, { text: "damaged on the way up" });
    await simulator.waitForMessage(third, ({ text }) => text === "damaged on the way up");
    expect(simulator.stats()).toMatchObject({ retriesAsked: 1, retriesServed: 1, undecryptable: 0 });
  });

  it("take reactions, edits, deletions by their author and by admins, and votes", async () => {
    const { simulator, session, group } = await newGroup();
    const sent = await session.sock.sendMessage(group, { text: "lunch?" });
    const id = sent!.key.id!;
    await simulator.waitForMessage(third, (each) => each.id === id);
    await simulator.send(third, { to: group, reactTo: id, emoji: "😋" });
    await simulator.waitForMessage(user, (each) => each.reactions?.[0]?.from === third);
    await session.sock.sendMessage(group, { text: "dinner?", edit: sent!.key });
    await simulator.waitForMessage(third, (each) => each.id === id && each.text === "dinner?");
    await expect(simulator.send(third, { to: group, delete: id })).rejects.toMatchObject({ code: "not_author" });
    await simulator.send(user, { to: group, delete: id });
    await simulator.waitForMessage(third, (each) => each.id === id && each.kind === "revoked");
    const poll = await session.sock.sendMessage(group, { poll: { name: "When?", values: ["12", "13"] } });
    await simulator.waitForMessage(third, (each) => each.id === poll!.key.id);
    await simulator.send(third, { to: group, voteIn: poll!.key.id!, options: ["13"] });
    const { message } = await session.message((each) => Boolean(each.message?.pollUpdateMessage));
    expect(message.message?.pollUpdateMessage?.pollCreationMessageKey?.participant).toBe(lidOf(simulator, sender));
    await simulator.waitForMessage(user, ({ votes }) => votes?.[0]?.options[0] === "13");
  });
});
