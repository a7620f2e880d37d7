import { acquaint, refusalOf } from "../account/enforce.ts";
import { fanOutToGroup, mayWrite } from "../groups/messages.ts";
import type { LinkedDevice } from "../phone/device.ts";
import type { Envelope } from "../phone/envelope.ts";
import type { Phone } from "../phone/phone.ts";
import { addressingOf, parseJid, storyJid } from "../wire/jid.ts";
import { type BinaryNode, bytesOf, child, children, node } from "../wire/nodes.ts";
import { seconds, type World, type Client } from "../world.ts";
import { readBusinessNode } from "./business-node.ts";
import { deliver } from "./deliver.ts";
import { fanOutStory, storyRefusal } from "./stories.ts";

/** A message stanza of a companion: refused, or acked and delivered to every device that it names. */
export function acceptMessage(
  world: World,
  connection: Client,
  sender: Phone,
  device: LinkedDevice,
  stanza: BinaryNode,
): void {
  const { id, to } = stanza.attrs;
  const address = parseJid(to);
  if (id === undefined || !address) return;
  world.counters.messagesReceived++;
  const recipient = world.phones.byJid(address);
  const group = address.server === "g.us" ? world.groups.find(address.user) : undefined;
  const isStory = to === storyJid;
  const isPeer = stanza.attrs["category"] === "peer";
  if (!isPeer) {
    const addressing = addressingOf(address);
    const fault = world.faults.take(
      "send-error",
      sender.number,
      recipient?.number,
      (each) => (each.addressing ?? addressing) === addressing,
    );
    const isHidden = recipient && addressing === "pn" && world.faults.peek("lid-only", recipient.number);
    const isForbidden = group !== undefined && !mayWrite(group, sender);
    const { refusal } = readBusinessNode(stanza);
    const forbidden = isForbidden ? 403 : isHidden ? 463 : undefined;
    const error =
      fault?.code ??
      forbidden ??
      refusal ??
      (isStory ? storyRefusal(stanza) : undefined) ??
      refusalOf(world, sender, recipient);
    if (error !== undefined) {
      world.counters.sendErrors++;
      connection.send(node("ack", { id, class: "message", from: to, t: seconds(world), error }));
      return;
    }
  }
  const lost = isPeer ? undefined : world.faults.take("no-ack", sender.number, recipient?.number);
  if (!lost) {
    world.counters.acks++;
    connection.send(node("ack", { id, class: "message", from: to, t: seconds(world) }));
  } else if (lost.deliver === false) return;
  if (!isPeer && recipient) acquaint(sender, recipient);
  if (isStory) fanOutStory(world, sender, device, stanza);
  else if (group) fanOutToGroup(world, group, sender, device, stanza);
  else fanOut(world, sender, device, stanza, recipient);
}

function fanOut(
  world: World,
  sender: Phone,
  device: LinkedDevice,
  stanza: BinaryNode,
  recipient: Phone | undefined,
): void {
  const address = parseJid(stanza.attrs["to"]);
  if (!address) return;
  const about: Omit<Envelope, "encrypted"> = {
    id: stanza.attrs["id"] ?? "",
    from: sender.number,
    fromDevice: device.id,
    addressing: addressingOf(address),
    category: stanza.attrs["category"],
    type: stanza.attrs["type"] ?? "text",
    edit: stanza.attrs["edit"],
    meta: child(stanza, "meta")?.attrs,
    showsButtons: readBusinessNode(stanza).showsButtons,
    deviceIdentity: bytesOf(stanza, "device-identity"),
    at: seconds(world),
  };
  // To one device: a peer message, or a message sent again.
  const single = child(stanza, "enc");
  if (single && recipient) {
    send(world, about, single, recipient, address.device, recipient === sender ? stanza.attrs["recipient"] : undefined);
  }
  for (const participant of children(child(stanza, "participants"), "to")) {
    const target = parseJid(participant.attrs["jid"]);
    const owner = world.phones.byJid(target);
    const enc = child(participant, "enc");
    if (!target || !owner || !enc) continue;
    send(world, about, enc, owner, target.device, owner === sender ? stanza.attrs["to"] : undefined);
  }
}

function send(
  world: World,
  about: Omit<Envelope, "encrypted">,
  enc: BinaryNode,
  to: Phone,
  toDevice: number,
  chat: string | undefined,
): void {
  const ciphertext = bytesOf(enc);
  const { type, v: _version, ...encAttributes } = enc.attrs;
  if (!ciphertext || (type !== "pkmsg" && type !== "msg")) return;
  deliver(world, { ...about, recipient: chat, encrypted: { type, ciphertext }, encAttributes }, to, toDevice);
}
