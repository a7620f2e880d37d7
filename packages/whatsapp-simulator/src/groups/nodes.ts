import { jidOf } from "../wire/jid.ts";
import { type BinaryNode, node } from "../wire/nodes.ts";
import type { World } from "../world.ts";
import type { Group, Role } from "./group.ts";

/** A group as the server describes it to a client: members by LID, with their phone numbers beside. */
export function groupNode(world: World, group: Group, { isSparse = false } = {}): BinaryNode {
  const { subject, description } = group;
  const content = [...group.participants].map(([number, role]) => participantNode(world, number, { role }));
  if (description) {
    const { id, at, by, text } = description;
    const attrs = { id, t: at, participant: lidOf(world, by), participant_pn: pnOf(by) };
    content.push(node("description", attrs, [node("body", {}, Buffer.from(text))]));
  }
  if (group.isAnnouncement) content.push(node("announcement"));
  if (group.isLocked) content.push(node("locked"));
  if (isSparse) content.push(node("ephemeral", { expiration: 0 }));
  content.push(node("member_add_mode", {}, Buffer.from("admin_add")));
  const attrs = {
    id: group.id,
    subject: subject.text,
    s_t: subject.at,
    s_o: lidOf(world, subject.by),
    s_o_pn: pnOf(subject.by),
    creation: isSparse ? undefined : group.createdAt,
    creator: lidOf(world, group.creator),
    creator_pn: pnOf(group.creator),
    size: group.participants.size,
    addressing_mode: "lid",
  };
  return node("group", attrs, content);
}

/** One member; an `error` says why an action did not apply to it. */
export function participantNode(
  world: World,
  number: string,
  { role, error }: { role?: Role | undefined; error?: number | undefined } = {},
): BinaryNode {
  const type = role === "member" ? undefined : role;
  const lid = lidOf(world, number);
  const isHidden = lid !== undefined && world.faults.peek("lid-only", number) !== undefined;
  const phoneNumber = isHidden ? undefined : pnOf(number);
  return node("participant", { jid: lid ?? pnOf(number), phone_number: phoneNumber, type, error });
}

function lidOf(world: World, number: string): string | undefined {
  const phone = world.phones.byNumber(number);
  return phone && jidOf(phone, "lid");
}

const pnOf = (number: string) => `${number}@s.whatsapp.net`;
