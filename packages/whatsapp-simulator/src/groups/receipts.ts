import type { LinkedDevice } from "../phone/device.ts";
import type { Phone } from "../phone/phone.ts";
import { retriedInGroup } from "../phone/retry.ts";
import { showMemberStatus } from "../phone/show.ts";
import { e164, parseJid } from "../wire/jid.ts";
import { type BinaryNode, node } from "../wire/nodes.ts";
import { seconds, type World } from "../world.ts";
import type { Group } from "./group.ts";
import { memberNames } from "./names.ts";

/** A member's receipt, on the phone of the message's author. */
export function showGroupReceipt(
  world: World,
  group: Group,
  { author, member, id }: { author: Phone; member: Phone; id: string },
  status: "delivered" | "read",
): void {
  const members = [...group.participants.keys()].filter((number) => number !== author.number).map(e164);
  showMemberStatus(world, author, { chat: group.jid, id, member: member.e164, members }, status);
}

/** A companion's receipt for messages of a group, which it names with their author. */
export function acceptGroupReceipt(
  world: World,
  group: Group,
  { reader, device, stanza, ids }: { reader: Phone; device: LinkedDevice; stanza: BinaryNode; ids: string[] },
): void {
  const address = parseJid(stanza.attrs["participant"]);
  const author = world.phones.byJid(address);
  const { type } = stanza.attrs;
  if (!address || !author) return;
  const from = {
    from: group.jid,
    ...memberNames(world, reader, device.id),
    t: seconds(world),
    type,
  };
  if (type === "retry") {
    if (address.device === 0) retriedInGroup(world, author, group, { reader, device, stanza });
    else {
      const attrs = { ...from, id: stanza.attrs["id"], recipient: stanza.attrs["recipient"] };
      author.devices.get(address.device)?.mailbox.deliver(node("receipt", attrs, stanza.content));
    }
    return;
  }
  if (author === reader) return;
  const status = type === "read" || type === "played" ? "read" : "delivered";
  for (const id of ids) {
    showGroupReceipt(world, group, { author, member: reader, id }, status);
    for (const companion of author.devices.values()) companion.mailbox.deliver(node("receipt", { id, ...from }));
  }
  author.dirty = true;
}
