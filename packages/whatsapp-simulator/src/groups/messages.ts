import type { LinkedDevice } from "../phone/device.ts";
import type { Envelope } from "../phone/envelope.ts";
import type { Phone } from "../phone/phone.ts";
import { readBusinessNode } from "../server/business-node.ts";
import { deliver } from "../server/deliver.ts";
import type { PairEncrypted } from "../signal/sessions.ts";
import { jidOf, parseJid } from "../wire/jid.ts";
import { type BinaryNode, bytesOf, child, children } from "../wire/nodes.ts";
import { seconds, type World } from "../world.ts";
import type { Group } from "./group.ts";

/** Whether the server accepts this member's message. */
export const mayWrite = (group: Group, { number }: Phone) =>
  group.has(number) && (!group.isAnnouncement || group.isAdmin(number));

/**
 * Sends a companion's group message to every other device of the members. A device that has no key of the sender yet
 * finds it in the same stanza, encrypted for it alone. A message sent again goes to the one device that asked.
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
  const enc = child(stanza, "enc");
  const asking = parseJid(stanza.attrs["participant"]);
  const message = enc && encryptedIn(enc);
  if (!message) return;
  const { type: _type, v: _version, ...encAttributes } = enc.attrs;
  const about: Envelope = {
    id: stanza.attrs["id"] ?? "",
    from: sender.number,
    fromDevice: device.id,
    addressing: "lid",
    group: group.jid,
    type: stanza.attrs["type"] ?? "text",
    edit: stanza.attrs["edit"],
    meta: child(stanza, "meta")?.attrs,
    showsButtons: readBusinessNode(stanza).showsButtons,
    deviceIdentity: bytesOf(stanza, "device-identity"),
    encrypted: message,
    encAttributes,
    at: seconds(world),
  };
  if (asking) {
    const reader = world.phones.byJid(asking);
    if (reader && group.has(reader.number)) deliver(world, about, reader, asking.device);
    return;
  }
  for (const number of [...group.participants.keys(), ...listeners(world, group)]) {
    const member = world.phones.byNumber(number);
    for (const id of member ? [0, ...member.devices.keys()] : []) {
      if (!member || (member === sender && id === device.id)) continue;
      const key = keys.get(jidOf(member, "lid", id));
      const senderKey = key && (encryptedIn(key) as PairEncrypted | undefined);
      deliver(world, { ...about, senderKey }, member, id);
    }
  }
}

/** Phones that have left the group and get its ciphertext all the same. */
function listeners(world: World, group: Group): string[] {
  const others = [...world.phones].filter(({ number }) => !group.has(number));
  return others.filter(({ number }) => world.faults.peek("former-member", number)).map(({ number }) => number);
}

function encryptedIn(enc: BinaryNode): Envelope["encrypted"] | undefined {
  const ciphertext = bytesOf(enc);
  const { type } = enc.attrs;
  return ciphertext && (type === "skmsg" || type === "pkmsg" || type === "msg") ? { type, ciphertext } : undefined;
}
