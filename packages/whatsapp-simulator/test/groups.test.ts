import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BaileysEventMap } from "@whiskeysockets/baileys";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Simulator } from "../src/index.ts";
import { type Client, textOf } from "./support/client.ts";
import { linked, newWorld, sender, senderJid, user, userJid } from "./support/world.ts";

const third = "+6281100000003";
const thirdJid = "6281100000003@s.whatsapp.net";

async function newGroups(): Promise<Simulator> {
  const simulator = await newWorld();
  simulator.createPhone({ number: third, name: "Budi" });
  return simulator;
}

const lidOf = (simulator: Simulator, number: string) => `${simulator.phone(number).lid}@lid`;

/** The first event of the kind that fits. */
function event<Kind extends keyof BaileysEventMap>(
  { sock }: Client,
  kind: Kind,
  fits: (value: BaileysEventMap[Kind]) => boolean = () => true,
): Promise<BaileysEventMap[Kind]> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${kind} in time`)), 5000);
    sock.ev.on(kind, (value) => {
      if (!fits(value)) return;
      clearTimeout(timer);
      resolve(value);
    });
  });
}

const codeOf = (error: unknown) => Number((error as { data?: unknown }).data);

describe("groups for an unmodified Baileys", () => {
  it("reads the metadata of a group that a person made", async () => {
    const simulator = await newGroups();
    const session = await linked(simulator);
    const made = simulator.createGroup(user, {
      subject: "Warung",
      description: "Open till nine",
      participants: [sender, third],
    });
    simulator.updateGroup(user, made.id, { isAnnouncement: true });
    simulator.changeParticipants(user, made.id, { action: "promote", numbers: [third] });
    const metadata = await session.sock.groupMetadata(made.id);
    expect(metadata).toMatchObject({
      id: made.id,
      addressingMode: "lid",
      subject: "Warung",
      subjectOwner: lidOf(simulator, user),
      desc: "Open till nine",
      size: 3,
      creation: Date.parse(made.createdAt) / 1000,
      owner: lidOf(simulator, user),
      ownerPn: userJid,
      announce: true,
      restrict: false,
      isCommunity: false,
      memberAddMode: false,
      joinApprovalMode: false,
    });
    expect(metadata.participants).toMatchObject([
      { id: lidOf(simulator, user), phoneNumber: userJid, admin: "superadmin" },
      { id: lidOf(simulator, sender), phoneNumber: senderJid, admin: null },
      { id: lidOf(simulator, third), phoneNumber: thirdJid, admin: "admin" },
    ]);
    expect(session.complaints).toEqual([]);
  });

  it("lists the groups that the account is in, and no other", async () => {
    const simulator = await newGroups();
    const session = await linked(simulator);
    expect(await session.sock.groupFetchAllParticipating()).toEqual({});
    const ours = simulator.createGroup(user, { subject: "Ours", participants: [sender] });
    simulator.createGroup(user, { subject: "Theirs", participants: [third] });
    const groups = await session.sock.groupFetchAllParticipating();
    expect(Object.keys(groups)).toEqual([ours.id]);
    expect(groups[ours.id]).toMatchObject({ subject: "Ours", size: 2 });
  });

  it("refuses to describe a group to one who is not in it, and one that does not exist", async () => {
    const simulator = await newGroups();
    const session = await linked(simulator);
    const theirs = simulator.createGroup(user, { subject: "Theirs", participants: [third] });
    expect(await session.sock.groupMetadata(theirs.id).catch(codeOf)).toBe(403);
    expect(await session.sock.groupMetadata("120363000000000000@g.us").catch(codeOf)).toBe(404);
  });

  it("creates one by IQ, and notifies every member's companion", async () => {
    const simulator = await newGroups();
    const [session, other] = [await linked(simulator), await linked(simulator, user)];
    const heard = event(other, "groups.upsert");
    const metadata = await session.sock.groupCreate("Made by a companion", [userJid, "6281199999999@s.whatsapp.net"]);
    expect(metadata).toMatchObject({ subject: "Made by a companion", owner: lidOf(simulator, sender), size: 2 });
    expect((await heard)[0]).toMatchObject({ id: metadata.id, author: lidOf(simulator, sender) });
    expect(simulator.group(metadata.id).participants).toEqual([
      { number: sender, role: "superadmin" },
      { number: user, role: "member" },
    ]);
  });

  it("adds, promotes and removes, answers the result of each, and notifies the members", async () => {
    const simulator = await newGroups();
    const [session, other] = [await linked(simulator), await linked(simulator, user)];
    const { id } = await session.sock.groupCreate("Team", [userJid]);
    const nobody = "6281199999999@s.whatsapp.net";
    const added = event(other, "group-participants.update", ({ action }) => action === "add");
    const results = await session.sock.groupParticipantsUpdate(id, [thirdJid, userJid, nobody], "add");
    expect(results.map(({ status }) => status)).toEqual(["200", "409", "404"]);
    expect(await added).toMatchObject({
      id,
      author: lidOf(simulator, sender),
      participants: [{ id: lidOf(simulator, third), phoneNumber: thirdJid }],
    });
    await session.sock.groupParticipantsUpdate(id, [lidOf(simulator, user)], "promote");
    expect(simulator.group(id).participants).toContainEqual({ number: user, role: "admin" });
    const removed = event(other, "group-participants.update", ({ action }) => action === "remove");
    await session.sock.groupParticipantsUpdate(id, [userJid], "remove");
    expect((await removed).participants).toMatchObject([{ id: lidOf(simulator, user) }]);
    expect(await other.sock.groupMetadata(id).catch(codeOf)).toBe(403);
  });

  it("changes the subject, the description and the settings, for admins alone where it is locked", async () => {
    const simulator = await newGroups();
    const [session, other] = [await linked(simulator), await linked(simulator, user)];
    const { id } = await session.sock.groupCreate("Before", [userJid]);
    const renamed = event(other, "groups.update", ([update]) => update?.subject !== undefined);
    await session.sock.groupUpdateSubject(id, "After");
    expect(await renamed).toMatchObject([{ id, subject: "After" }]);
    await session.sock.groupUpdateDescription(id, "Hello");
    expect(simulator.group(id)).toMatchObject({ subject: "After", description: "Hello" });
    await session.sock.groupUpdateDescription(id, "");
    expect(simulator.group(id).description).toBeNull();
    await other.sock.groupUpdateSubject(id, "By a member");
    await session.sock.groupSettingUpdate(id, "locked");
    expect(await other.sock.groupUpdateSubject(id, "No more").catch(codeOf)).toBe(403);
    expect(await other.sock.groupSettingUpdate(id, "announcement").catch(codeOf)).toBe(403);
    expect(simulator.group(id)).toMatchObject({ subject: "By a member", isLocked: true, isAnnouncement: false });
  });

  it("has an invite code that lets others join until it is revoked, and lets members leave", async () => {
    const simulator = await newGroups();
    const [session, other] = [await linked(simulator), await linked(simulator, third)];
    const { id } = await session.sock.groupCreate("Open", [userJid]);
    const code = (await session.sock.groupInviteCode(id)) ?? "";
    expect(await other.sock.groupGetInviteInfo(code)).toMatchObject({ id, subject: "Open" });
    expect(await other.sock.groupAcceptInvite(code)).toBe(id);
    expect(await session.sock.groupRevokeInvite(id)).not.toBe(code);
    expect(await other.sock.groupGetInviteInfo(code).catch(codeOf)).toBe(406);
    await other.sock.groupLeave(id);
    expect(simulator.group(id).participants.map(({ number }) => number)).toEqual([sender, user]);
  });

  it("brings messages of a companion to the companions of all members, and refuses those of who may not write", async () => {
    const simulator = await newGroups();
    const [session, other] = [await linked(simulator), await linked(simulator, user)];
    const { id } = await session.sock.groupCreate("Talk", [userJid, thirdJid]);
    for (const text of ["first", "in the same session"]) {
      await session.sock.sendMessage(id, { text });
      const { message } = await other.message((each) => textOf(each) === text);
      expect(message.key).toMatchObject({ remoteJid: id, fromMe: false, participant: lidOf(simulator, sender) });
    }
    await other.sock.sendMessage(id, { text: "and back" });
    await session.message((each) => textOf(each) === "and back");
    expect([...session.complaints, ...other.complaints]).toEqual([]);
    simulator.updateGroup(sender, id, { isAnnouncement: true });
    const refused = await other.sock.sendMessage(id, { text: "too late" });
    expect(await other.ack(refused?.key.id ?? "")).toMatchObject({ error: "403" });
  });

  it("refuses what it does not support yet", async () => {
    const simulator = await newGroups();
    const session = await linked(simulator);
    const { id } = simulator.createGroup(sender, { subject: "Group", participants: [] });
    expect(await session.sock.groupToggleEphemeral(id, 86_400).catch(codeOf)).toBe(501);
  });
});

/** What an operation answers, or the code of its refusal. */
function attempt(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe("groups of the simulator", () => {
  it("are there after a restart", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sandi-groups-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const stateFile = join(folder, "whatsapp.json");
    const before = await newWorld({ stateFile });
    const made = before.createGroup(user, { subject: "Kept", description: "here", participants: [sender] });
    const changed = before.updateGroup(user, made.id, { isLocked: true });
    await before.close();
    const after = await newWorld({ stateFile });
    expect(after.groups()).toEqual([changed]);
  });

  it("refuse on a phone what the phone may not do", async () => {
    const simulator = await newGroups();
    const { id } = simulator.createGroup(user, { subject: "Group", participants: [sender] });
    expect(attempt(() => simulator.updateGroup(third, id, { subject: "x" }))).toBe("not_group_member");
    expect(attempt(() => simulator.updateGroup(sender, id, { isLocked: true }))).toBe("not_group_admin");
    expect(attempt(() => simulator.group("1"))).toBe("group_not_found");
    expect(attempt(() => simulator.createGroup(user, { subject: "x", participants: ["+6281199999999"] }))).toBe(
      "phone_not_found",
    );
  });
});
