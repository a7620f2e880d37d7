import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { proto, type WAPatchCreate } from "@whiskeysockets/baileys";
import { describe, expect, it, onTestFinished } from "vitest";
import type { SimulatorEvent } from "../src/index.ts";
import type { Client } from "./support/client.ts";
import { linked, newWorld, sender, senderJid, sendText, until, user, userJid } from "./support/world.ts";

/** How devices name a message: chat, id, whether the account wrote it, and in a group its author. */
type Named = [chat: string, id: string, isOwn: "1" | "0", author: string];

const { SET } = proto.SyncdMutation.SyncdOperation;

/** Baileys' own `star` is in a form that phones ignore. */
function star({ sock }: Client, named: Named, starred: boolean, type: WAPatchCreate["type"] = "regular_high") {
  const syncAction = { starAction: { starred } };
  return sock.appPatch({ type, operation: SET, index: ["star", ...named], syncAction, apiVersion: 2 });
}

function deleteForMe({ sock }: Client, named: Named) {
  const syncAction = { deleteMessageForMeAction: { deleteMedia: false } };
  const index = ["deleteMessageForMe", ...named];
  return sock.appPatch({ type: "regular_high", operation: SET, index, syncAction, apiVersion: 3 });
}

/** What a companion hears of stars and deletions. */
function heardBy({ sock }: Client) {
  const heard: { starred: [string, boolean][]; deleted: string[] } = { starred: [], deleted: [] };
  sock.ev.on("messages.update", (all) => {
    for (const { key, update } of all) {
      if (typeof update.starred === "boolean") heard.starred.push([key.id!, update.starred]);
    }
  });
  sock.ev.on("messages.delete", (all) => {
    if ("keys" in all) heard.deleted.push(...all.keys.map(({ id }) => id!));
  });
  return heard;
}

const fetched = async ({ sock }: Client) => {
  const collection = { tag: "collection", attrs: { name: "regular_high", version: "0" } };
  const answer = await sock.query({
    tag: "iq",
    attrs: { to: "@s.whatsapp.net", type: "set", xmlns: "w:sync:app:state" },
    content: [{ tag: "sync", attrs: {}, content: [collection] }],
  });
  return (answer.content as { content?: unknown[] }[])[0]?.content ?? [];
};

describe("what an account does to a message for itself alone", () => {
  it("on a companion is seen on its phone and its other companions, and nowhere else", async () => {
    const simulator = await newWorld();
    const [first, second] = [await linked(simulator), await linked(simulator)];
    const heard = heardBy(second);
    const own = await sendText(first, userJid, "mine");
    const { id } = await simulator.send(user, { to: sender, text: "theirs" });
    await simulator.waitForMessage(sender, (message) => message.id === id);
    await simulator.waitForMessage(user, (message) => message.id === own);
    await star(first, [userJid, own, "1", "0"], true);
    await star(first, [`${simulator.phone(user).lid}@lid`, id, "0", "0"], true);
    for (const one of [own, id]) await simulator.waitForMessage(sender, (each) => each.id === one && !!each.isStarred);
    await until(() => heard.starred.length === 2);
    expect(heard.starred).toEqual([
      [own, true],
      [id, true],
    ]);
    await star(first, [userJid, own, "1", "0"], false);
    await simulator.waitForMessage(sender, (each) => each.id === own && each.isStarred === false);
    await deleteForMe(second, [userJid, id, "0", "0"]);
    await until(() => simulator.messages(sender).every((each) => each.id !== id));
    expect(
      simulator
        .messages(user)
        .map((each) => each.id)
        .toSorted(),
    ).toEqual([own, id].toSorted());
    for (const each of simulator.messages(user)) expect(each).not.toHaveProperty("isStarred");
    expect([...first.complaints, ...second.complaints]).toEqual([]);
  });

  it.each<[string, WAPatchCreate["type"], Partial<Record<0 | 1 | 2 | 3, string>>]>([
    ["in another collection, as Baileys' own function does", "regular_low", {}],
    ["as another author's", "regular_high", { 2: "1" }],
    ["with an author where a chat of two has none", "regular_high", { 3: userJid }],
    ["of a chat that has no such message", "regular_high", { 0: senderJid }],
  ])("is not seen by the phone when a companion names it %s", async (_, type, wrong) => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const [{ id }, { id: other }] = [
      await simulator.send(user, { to: sender, text: "theirs" }),
      await simulator.send(user, { to: sender, text: "another" }),
    ];
    await simulator.waitForMessage(sender, (message) => message.id === other);
    await star(session, Object.assign([userJid, id, "0", "0"], wrong) as Named, true, type);
    await star(session, [userJid, other, "0", "0"], true);
    await simulator.waitForMessage(sender, (message) => message.id === other && message.isStarred === true);
    expect(simulator.messages(sender).find((message) => message.id === id)).not.toHaveProperty("isStarred");
  });

  it("in a group names the author of a message by LID", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const { id: group } = simulator.createGroup(user, { subject: "Warung", participants: [sender] });
    const { id } = await simulator.send(user, { to: group, text: "hello all" });
    await simulator.waitForMessage(sender, (message) => message.id === id);
    const author = `${simulator.phone(user).lid}@lid`;
    await star(session, [group, id, "0", author], true);
    await simulator.waitForMessage(sender, (message) => message.id === id && message.isStarred === true);
    const heard = heardBy(session);
    expect(await simulator.send(sender, { to: group, unstar: id })).toMatchObject({ isStarred: false });
    await until(() => heard.starred.length > 0);
    expect(heard.starred).toEqual([[id, false]]);
  });

  it("on the phone is heard by its companions, also after a restart", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sandi-starred-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const stateFile = join(folder, "whatsapp.json");
    const before = await newWorld({ stateFile });
    const { id } = await before.send(user, { to: sender, text: "keep me" });
    await before.waitForMessage(sender, (message) => message.id === id);
    expect(await before.send(sender, { to: user, star: id })).toMatchObject({ id, isStarred: true });
    await before.close();
    const after = await newWorld({ stateFile });
    expect(after.messages(sender)).toMatchObject([{ id, isStarred: true }]);
    const session = await linked(after);
    const heard = heardBy(session);
    await after.send(sender, { to: user, unstar: id });
    await until(() => heard.starred.some(([, isStarred]) => !isStarred));
    const events: SimulatorEvent[] = [];
    after.onEvent((event) => void events.push(event));
    await after.send(sender, { to: user, deleteForMe: id });
    await until(() => heard.deleted.includes(id));
    expect(after.messages(sender)).toEqual([]);
    expect(after.messages(user)).toMatchObject([{ id }]);
    expect(events).toEqual([{ type: "removed", phone: sender, chat: user, id }]);
    await expect(after.send(sender, { to: user, star: id })).rejects.toMatchObject({ code: "message_not_found" });
    expect(session.complaints).toEqual([]);
  });

  it("on a companion reaches a phone that is offline when it is back", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const { id } = await simulator.send(user, { to: sender, text: "hello" });
    await simulator.waitForMessage(sender, (message) => message.id === id);
    simulator.updatePhone(sender, { online: false });
    await star(session, [userJid, id, "0", "0"], true);
    expect(simulator.messages(sender)[0]).not.toHaveProperty("isStarred");
    simulator.updatePhone(sender, { online: true });
    await simulator.waitForMessage(sender, (message) => message.isStarred === true);
  });
});

describe("faults of the app state", () => {
  it("refuse an upload, promise more than there is, and leave out what was asked for", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    const { id } = await simulator.send(user, { to: sender, text: "hello" });
    await simulator.waitForMessage(sender, (message) => message.id === id);
    simulator.setFault({ kind: "app-state", number: sender, says: "conflict", times: 1 });
    // Baileys does not look into the collection, and takes it for stored.
    await star(session, [userJid, id, "0", "0"], true);
    expect(simulator.messages(sender)[0]).not.toHaveProperty("isStarred");
    expect(simulator.faults()).toEqual([]);
    simulator.setFault({ kind: "app-state", number: sender, says: "more", times: 1 });
    expect(await fetched(session)).toMatchObject([{ attrs: { has_more_patches: "true" } }]);
    simulator.setFault({ kind: "app-state", number: sender, says: "nothing", times: 1 });
    expect(await fetched(session)).toEqual([]);
    expect(await fetched(session)).toMatchObject([{ attrs: { name: "regular_high", has_more_patches: "false" } }]);
  });

  it("change a patch on its way, which a companion that checks MACs does not believe", async () => {
    const simulator = await newWorld();
    const appStateMacVerification = { patch: true, snapshot: true };
    const session = await linked(simulator, sender, { appStateMacVerification });
    const heard = heardBy(session);
    const { id } = await simulator.send(user, { to: sender, text: "hello" });
    await simulator.waitForMessage(sender, (message) => message.id === id);
    simulator.setFault({ kind: "app-state", number: sender, says: "tampered" });
    await simulator.send(sender, { to: user, star: id });
    await until(() => session.complaints.length > 0);
    expect(heard.starred).toEqual([]);
  });
});
