import type { ParticipantAction, ParticipantResult } from "./api.ts";
import { SimulatorError } from "../errors.ts";
import type { Phone } from "../phone/phone.ts";
import { node } from "../wire/nodes.ts";
import { seconds, type World } from "../world.ts";
import { Group, type Role } from "./group.ts";
import { groupNode, participantNode } from "./nodes.ts";
import { notifyMembers } from "./notify.ts";

/** Creates a group; numbers without a phone are left out, as WhatsApp leaves out numbers without an account. */
export function createGroup(
  world: World,
  creator: Phone,
  { subject, numbers, description = null }: { subject: string; numbers: string[]; description?: string | null },
): Group {
  const at = seconds(world);
  const others = [...new Set(numbers)].filter((each) => each !== creator.number && world.phones.byNumber(each));
  const group = new Group({
    id: `120363${String(world.random(6).readUIntBE(0, 6) % 10 ** 12).padStart(12, "0")}`,
    creator: creator.number,
    createdAt: at,
    subject: { text: subject, by: creator.number, at },
    description: description === null ? null : { id: newId(world), text: description, by: creator.number, at },
    participants: [[creator.number, "superadmin"], ...others.map((each): [string, Role] => [each, "member"])],
    isAnnouncement: false,
    isLocked: false,
    inviteCode: newInviteCode(world),
  });
  world.groups.add(group);
  notifyMembers(world, group, creator, { change: node("create", {}, [groupNode(world, group)]) });
  return group;
}

/** The group, for a member of it. */
export function groupOf(world: World, member: Phone, id: string): Group {
  const group = world.groups.find(id);
  if (!group) throw new SimulatorError("group_not_found");
  if (!group.has(member.number)) throw new SimulatorError("not_group_member");
  return group;
}

export function setSubject(world: World, group: Group, actor: Phone, subject: string): void {
  requireEditor(group, actor);
  group.subject = { text: subject, by: actor.number, at: seconds(world) };
  notifyMembers(world, group, actor, { change: node("subject", { subject, s_t: group.subject.at }) });
}

/** An empty text deletes the description. */
export function setDescription(world: World, group: Group, actor: Phone, text: string, id = newId(world)): void {
  requireEditor(group, actor);
  group.description = text === "" ? null : { id, text, by: actor.number, at: seconds(world) };
  const change =
    text === ""
      ? node("description", { id, delete: "true" })
      : node("description", { id }, [node("body", {}, Buffer.from(text))]);
  notifyMembers(world, group, actor, { change });
}

export function setSetting(
  world: World,
  group: Group,
  actor: Phone,
  setting: "announcement" | "not_announcement" | "locked" | "unlocked",
): void {
  requireAdmin(group, actor);
  if (setting === "announcement" || setting === "not_announcement") group.isAnnouncement = setting === "announcement";
  else group.isLocked = setting === "locked";
  notifyMembers(world, group, actor, { change: node(setting) });
}

/** Applies the action to each participant that it is valid for. Returns the result of each. */
export function changeParticipants(
  world: World,
  group: Group,
  actor: Phone,
  { action, numbers }: { action: ParticipantAction; numbers: string[] },
): ParticipantResult[] {
  requireAdmin(group, actor);
  const results = numbers.map((number): ParticipantResult => ({
    number,
    status: statusOf(world, group, action, number),
  }));
  const done = results.filter(({ status }) => status === 200).map(({ number }) => number);
  for (const number of done) {
    if (action === "remove") group.participants.delete(number);
    else group.participants.set(number, action === "promote" ? "admin" : "member");
  }
  if (action === "remove") rotateKeys(world, group);
  if (done.length > 0) {
    const change = node(
      action,
      {},
      done.map((number) => participantNode(world, number)),
    );
    notifyMembers(world, group, actor, { change, formerly: done });
  }
  return results;
}

export function leaveGroup(world: World, group: Group, member: Phone): void {
  group.participants.delete(member.number);
  rotateKeys(world, group);
  const change = node("remove", {}, [participantNode(world, member.number)]);
  notifyMembers(world, group, member, { change, formerly: [member.number] });
}

/** The phones that stay write with new keys, which who left does not have. */
function rotateKeys(world: World, group: Group): void {
  for (const number of group.participants.keys()) {
    const phone = world.phones.byNumber(number);
    phone?.senderKeys.rotate({ group: group.jid, peer: `${phone.lid}.0` });
  }
}

export function joinGroup(world: World, group: Group, phone: Phone): void {
  if (group.has(phone.number)) return;
  group.participants.set(phone.number, "member");
  const change = node("add", { reason: "invite" }, [participantNode(world, phone.number)]);
  notifyMembers(world, group, phone, { change });
}

/** The old code is no longer valid. */
export function revokeInvite(world: World, group: Group, actor: Phone): void {
  requireAdmin(group, actor);
  group.inviteCode = newInviteCode(world);
  notifyMembers(world, group, actor, { change: node("invite", { code: group.inviteCode }) });
}

function statusOf(world: World, group: Group, action: ParticipantAction, number: string): 200 | 404 | 409 {
  if (action !== "add") return group.has(number) ? 200 : 404;
  if (group.has(number)) return 409;
  return world.phones.byNumber(number) ? 200 : 404;
}

function requireEditor(group: Group, actor: Phone): void {
  if (group.isLocked) requireAdmin(group, actor);
}

export function requireAdmin(group: Group, actor: Phone): void {
  if (!group.isAdmin(actor.number)) throw new SimulatorError("not_group_admin");
}

const newId = (world: World) => world.random(8).toString("hex").toUpperCase();
const newInviteCode = (world: World) => world.random(16).toString("base64url");
