import type { LinkedDevice } from "../phone/device.ts";
import type { Phone } from "../phone/phone.ts";
import { jidOf } from "../wire/jid.ts";
import { type BinaryNode, child, children, node } from "../wire/nodes.ts";
import { seconds, type World } from "../world.ts";
import type { Group } from "./group.ts";

/** Whether the server accepts this member's message. */
export const mayWrite = (group: Group, { number }: Phone) =>
  group.has(number) && (!group.isAnnouncement || group.isAdmin(number));

/**
 * Sends a companion's group message to every other companion of the members. A companion that has no key of the sender
 * yet finds it in the same stanza, encrypted for it alone. The members' phones do not read group messages.
 */
export function fanOutToGroup(
  world: World,
  group: Group,
  sender: Phone,
  device: LinkedDevice,
  stanza: BinaryNode,
): void {
  const keys = new Map(
    children(child(stanza, "participants"), "to").map((to) => [to.attrs["jid"], child(to, "enc")] as const),
  );
  const message = child(stanza, "enc");
  const identity = child(stanza, "device-identity");
  for (const number of group.participants.keys()) {
    const member = world.phones.byNumber(number);
    for (const companion of member?.devices.values() ?? []) {
      if (!member || companion === device) continue;
      const key = keys.get(jidOf(member, "lid", companion.id));
      const content = [key, message, identity].filter((part) => part !== undefined);
      const attrs = {
        id: stanza.attrs["id"],
        from: group.jid,
        participant: jidOf(sender, "lid", device.id),
        participant_pn: jidOf(sender, "pn", device.id),
        addressing_mode: "lid",
        type: stanza.attrs["type"],
        edit: stanza.attrs["edit"],
        notify: sender.name,
        t: seconds(world),
      };
      companion.mailbox.deliver(node("message", attrs, content));
      member.dirty = true;
    }
  }
}
