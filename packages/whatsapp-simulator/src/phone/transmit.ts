import { proto } from "@whiskeysockets/baileys";
import type { Addressing } from "../api.ts";
import { SimulatorError } from "../errors.ts";
import { Group } from "../groups/group.ts";
import { deliver } from "../server/deliver.ts";
import type { PairEncrypted } from "../signal/sessions.ts";
import { jidOf } from "../wire/jid.ts";
import { seconds, type World } from "../world.ts";
import type { Content } from "./content/content.ts";
import { stanzaOf } from "./content/stanza.ts";
import type { LinkedDevice } from "./device.ts";
import type { Envelope } from "./envelope.ts";
import type { Phone } from "./phone.ts";

/** Whom a person writes to. */
export type Recipient = Phone | Group;

/** A message on its way from a phone. */
export interface Outgoing {
  id: string;
  content: Content;
  /** Of people; groups are always addressed by LID. */
  addressing: Addressing;
  /** Seconds. */
  at: number;
}

/** The chat that shows what is written to the recipient. */
export const chatOf = (to: Recipient): string => (to instanceof Group ? to.jid : to.e164);

/** Encrypts a message for every device of the other side and for the own companions, and delivers it. */
export function transmit(world: World, phone: Phone, to: Recipient, message: Outgoing): Promise<void> {
  phone.dirty = true;
  return phone.enqueue(() =>
    to instanceof Group ? toGroup(world, phone, to, message) : toPerson(world, phone, to, message),
  );
}

function envelopeOf(phone: Phone, { id, content, addressing, at }: Outgoing): Omit<Envelope, "encrypted"> {
  // Who writes buttons on a phone is a business.
  const showsButtons = content.interactiveMessage ? true : undefined;
  return { id, from: phone.number, fromDevice: 0, addressing, at, showsButtons, ...stanzaOf(content) };
}

async function toPerson(world: World, phone: Phone, to: Phone, message: Outgoing): Promise<void> {
  const about = envelopeOf(phone, message);
  const plain = encode(message.content);
  for (const device of to === phone ? [] : [0, ...to.devices.keys()]) {
    deliver(world, forDevice(about, await encryptFor(phone, to, device, plain), device), to, device);
  }
  const recipient = jidOf(to, message.addressing);
  const copy = copyOf(recipient, plain);
  for (const device of phone.devices.keys()) {
    const encrypted = await encryptFor(phone, phone, device, copy);
    deliver(world, { ...forDevice(about, encrypted, device), recipient }, phone, device);
  }
}

async function toGroup(world: World, phone: Phone, group: Group, message: Outgoing): Promise<void> {
  const me = { group: group.jid, peer: `${phone.lid}.0` };
  const { distribution, holders } = await phone.senderKeys.own(me);
  const key = encode(distributionOf(group, distribution));
  const ciphertext = await phone.senderKeys.encrypt(me, encode(message.content));
  const about = { ...envelopeOf(phone, { ...message, addressing: "lid" }), group: group.jid };
  for (const number of group.participants.keys()) {
    const member = world.phones.byNumber(number);
    for (const device of member ? [0, ...member.devices.keys()] : []) {
      if (!member || (member === phone && device === 0)) continue;
      const peer = `${member.lid}.${device}`;
      const senderKey = holders.has(peer) ? undefined : await encryptFor(phone, member, device, key);
      holders.add(peer);
      deliver(world, { ...forDevice(about, { type: "skmsg", ciphertext }, device), senderKey }, member, device);
    }
  }
}

/** The content of a view-once message goes to phones alone. */
function forDevice(
  { isUnavailable, ...about }: Omit<Envelope, "encrypted">,
  encrypted: Envelope["encrypted"],
  device: number,
): Envelope {
  return { ...about, encrypted, ...(isUnavailable && device > 0 && { isUnavailable }) };
}

/** A member's companion could not decrypt: it gets the message again, and the key, in its own session. */
export async function transmitAgainInGroup(
  world: World,
  phone: Phone,
  { group, reader, device, count }: { group: Group; reader: Phone; device: LinkedDevice; count: string },
  { id, content }: Pick<Outgoing, "id" | "content">,
): Promise<void> {
  const { distribution } = await phone.senderKeys.own({ group: group.jid, peer: `${phone.lid}.0` });
  const plain = encode({ ...content, ...distributionOf(group, distribution) });
  const encrypted = await encryptFor(phone, reader, device.id, plain);
  const about = envelopeOf(phone, { id, content, addressing: "lid", at: seconds(world) });
  deliver(world, { ...about, group: group.jid, encrypted, encAttributes: { count } }, reader, device.id);
}

const distributionOf = ({ jid }: Group, key: Uint8Array): Content => ({
  senderKeyDistributionMessage: { groupId: jid, axolotlSenderKeyDistributionMessage: key },
});

export function encode(content: Content): Uint8Array {
  return proto.Message.encode(content).finish();
}

export function copyOf(destinationJid: string, plain: Uint8Array): Uint8Array {
  return encode({ deviceSentMessage: { destinationJid, message: proto.Message.decode(plain) } });
}

export async function encryptFor(phone: Phone, to: Phone, device: number, plain: Uint8Array): Promise<PairEncrypted> {
  const peer = `${to.lid}.${device}`;
  phone.dirty = true;
  if (!phone.sessions.has(peer)) {
    const bundle = device === 0 ? to.takeBundle() : to.devices.get(device)?.takeBundle();
    if (!bundle) throw new SimulatorError("device_not_found", `device ${device} of ${to.e164} is gone`);
    await phone.sessions.open(peer, bundle);
  }
  return phone.sessions.encrypt(peer, plain);
}
