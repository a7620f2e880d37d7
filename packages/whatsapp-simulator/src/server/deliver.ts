import { memberNames } from "../groups/names.ts";
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
  const isPlaceholder = world.faults.take("placeholder", to.number) !== undefined || undefined;
  const sent = { ...envelope, ...(damaged && { encrypted: damage(envelope) }), isPlaceholder };
  const stanza = messageNode(world, sent, to);
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
  const about = {
    id: envelope.id,
    t: envelope.at,
    type: envelope.type,
    notify: sender?.name,
    category: envelope.category,
    edit: envelope.edit,
    ...(envelope.group === undefined ? personal(world, envelope, { sender, to }) : inGroup(world, envelope, sender)),
  };
  return node("message", about, contentOf(envelope));
}

/** Whether this account hides its number, or the reader is told one name of everybody. */
function hasOneName(world: World, sender: Phone | undefined, to: Phone): boolean {
  return (
    world.faults.peek("one-name", to.number) !== undefined ||
    (sender !== undefined && world.faults.peek("lid-only", sender.number) !== undefined)
  );
}

type Names = Record<string, string | undefined>;

function personal(world: World, envelope: Envelope, { sender, to }: { sender: Phone | undefined; to: Phone }): Names {
  const { addressing } = envelope;
  const other = addressing === "lid" ? "pn" : "lid";
  const isOwn = sender === to;
  const chat = world.phones.byJid(parseJid(envelope.recipient));
  const isHidden = chat !== undefined && world.faults.peek("lid-only", chat.number) !== undefined;
  return {
    from: sender && jidOf(sender, addressing, envelope.fromDevice),
    [`sender_${other}`]: isOwn || !sender || hasOneName(world, sender, to) ? undefined : jidOf(sender, other),
    recipient: envelope.recipient,
    [`peer_recipient_${other}`]: isOwn && chat && !isHidden ? jidOf(chat, other) : undefined,
  };
}

function inGroup(world: World, { group, fromDevice }: Envelope, sender: Phone | undefined): Names {
  return { from: group, ...(sender && memberNames(world, sender, fromDevice)), addressing_mode: "lid" };
}

function contentOf(envelope: Envelope) {
  const { encrypted, senderKey, encAttributes, isUnavailable, isPlaceholder, deviceIdentity, meta } = envelope;
  const content = isPlaceholder
    ? []
    : [
        ...(senderKey ? [enc(senderKey)] : []),
        isUnavailable ? node("unavailable", { type: "view_once" }) : enc(encrypted, encAttributes),
      ];
  if (deviceIdentity) content.push(node("device-identity", {}, deviceIdentity));
  if (meta) content.push(node("meta", meta));
  return content;
}

function enc({ type, ciphertext }: Envelope["encrypted"], attributes?: Record<string, string>): BinaryNode {
  return node("enc", { v: 2, type, ...attributes }, ciphertext);
}
