import type { GroupInfo } from "./api.ts";
import type { Phone } from "../phone/phone.ts";
import { e164 } from "../wire/jid.ts";
import { type BinaryNode, node } from "../wire/nodes.ts";
import { seconds, type World } from "../world.ts";
import type { Group } from "./group.ts";
import { memberNames } from "./names.ts";

/** Sends a change to every companion of the members, the acting one included, and shows it on the page. */
export function notifyMembers(
  world: World,
  group: Group,
  actor: Phone,
  { change, formerly = [] }: { change: BinaryNode; formerly?: string[] },
): void {
  for (const number of new Set([...group.participants.keys(), ...formerly])) {
    const member = world.phones.byNumber(number);
    for (const device of member?.devices.values() ?? []) {
      const attrs = {
        id: world.random(6).toString("hex"),
        from: group.jid,
        type: "w:gp2",
        ...memberNames(world, actor),
        addressing_mode: "lid",
        notify: actor.name,
        t: seconds(world),
      };
      device.mailbox.deliver(node("notification", attrs, [change]));
    }
    if (member && member.devices.size > 0) member.dirty = true;
  }
  world.emit({ type: "group", group: groupInfo(group) });
}

/** A group as the API shows it. */
export function groupInfo(group: Group): GroupInfo {
  const { jid, subject, description, isAnnouncement, isLocked, inviteCode } = group;
  return {
    id: jid,
    subject: subject.text,
    description: description?.text ?? null,
    createdBy: e164(group.creator),
    createdAt: new Date(group.createdAt * 1000).toISOString(),
    isAnnouncement,
    isLocked,
    inviteCode,
    participants: [...group.participants].map(([number, role]) => ({ number: e164(number), role })),
  };
}
