import type { Envelope } from "../phone/envelope.ts";
import type { Phone } from "../phone/phone.ts";
import { jidOf, parseJid } from "../wire/jid.ts";
import { type BinaryNode, node } from "../wire/nodes.ts";
import type { World } from "../world.ts";

/** Delivers one ciphertext to one device: a phone (0) or a companion. It waits while the device is offline. */
export function deliver(world: World, envelope: Envelope, to: Phone, toDevice: number): void {
  if (toDevice === 0) {
    to.dirty = true;
    if (to.online) world.receive(to, envelope);
    else to.pending.push(envelope);
    return;
  }
  const device = to.devices.get(toDevice);
  if (!device) return;
  to.dirty = true;
  if (envelope.category === "peer") {
    device.mailbox.deliver(messageNode(world, envelope, to));
    return;
  }
  const damaged = world.faults.take("corrupt-to-companion", to.number) !== undefined;
  const stanza = messageNode(world, damaged ? { ...envelope, encrypted: damage(envelope) } : envelope, to);
  const { overtaken } = device;
  device.overtaken = undefined;
  if (overtaken === undefined && world.faults.take("reorder", to.number)) {
    device.overtaken = stanza;
    return;
  }
  device.mailbox.deliver(stanza);
  if (overtaken) device.mailbox.deliver(overtaken);
}

/** The phone is online again: delivers in order what waited for it. */
export function deliverPending(world: World, phone: Phone): void {
  for (const envelope of phone.pending.splice(0)) world.receive(phone, envelope);
}

export function damage({ encrypted }: Envelope): Envelope["encrypted"] {
  const ciphertext = Buffer.from(encrypted.ciphertext);
  const last = ciphertext.length - 1;
  ciphertext[last] = (ciphertext[last] ?? 0) ^ 0xff;
  return { type: encrypted.type, ciphertext };
}

function messageNode(world: World, envelope: Envelope, to: Phone): BinaryNode {
  const sender = world.phones.byNumber(envelope.from);
  const { addressing } = envelope;
  const other = addressing === "lid" ? "pn" : "lid";
  const isOwn = sender === to;
  const hasOneName = world.faults.peek("one-name", to.number) !== undefined;
  const chat = world.phones.byJid(parseJid(envelope.recipient));
  const attrs = {
    id: envelope.id,
    from: sender && jidOf(sender, addressing, envelope.fromDevice),
    t: envelope.at,
    type: envelope.type,
    notify: sender?.name,
    [`sender_${other}`]: isOwn || !sender || hasOneName ? undefined : jidOf(sender, other),
    recipient: envelope.recipient,
    [`peer_recipient_${other}`]: isOwn && chat ? jidOf(chat, other) : undefined,
    category: envelope.category,
    edit: envelope.edit,
  };
  const { type, ciphertext } = envelope.encrypted;
  const content = [node("enc", { v: 2, type, ...envelope.encAttributes }, ciphertext)];
  if (envelope.meta) content.push(node("meta", envelope.meta));
  if (envelope.deviceIdentity) content.push(node("device-identity", {}, envelope.deviceIdentity));
  return node("message", attrs, content);
}
