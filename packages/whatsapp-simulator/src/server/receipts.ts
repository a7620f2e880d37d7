import { acceptGroupReceipt } from "../groups/receipts.ts";
import { answerMediaRetry } from "../media/retry.ts";
import { retried } from "../phone/retry.ts";
import type { LinkedDevice } from "../phone/device.ts";
import type { Phone } from "../phone/phone.ts";
import { showStatus } from "../phone/show.ts";
import { addressingOf, jidOf, parseJid } from "../wire/jid.ts";
import { type BinaryNode, child, children, node } from "../wire/nodes.ts";
import { seconds, type World, type Client } from "../world.ts";

/** Receipts that concern only the companion and its own phone. */
const privateTypes = new Set(["sender", "peer_msg", "hist_sync", "read-self"]);

/** A receipt of a companion: it confirms the delivery, and is forwarded to the author of the message. */
export function acceptReceipt(
  world: World,
  connection: Client,
  reader: Phone,
  device: LinkedDevice,
  stanza: BinaryNode,
): void {
  const { id, to, type } = stanza.attrs;
  if (id === undefined) return;
  connection.send(node("ack", { id, class: "receipt", from: to, type }));
  const ids = [id, ...children(child(stanza, "list"), "item").flatMap((item) => item.attrs["id"] ?? [])];
  for (const each of ids) if (device.mailbox.confirm("message", each)) reader.dirty = true;
  if (type !== undefined && privateTypes.has(type)) return;
  const group = to?.endsWith("@g.us") ? world.groups.find(to) : undefined;
  if (group) {
    acceptGroupReceipt(world, group, { reader, device, stanza, ids });
    return;
  }
  if (type === "server-error") {
    answerMediaRetry(world, reader, device, stanza);
    return;
  }
  const address = parseJid(to);
  const author = world.phones.byJid(address);
  if (!address || !author) return;
  if (type === "retry") {
    if (address.device === 0) retried(world, author, reader, device, stanza);
    else forwardRetry(world, author, address.device, reader, device, stanza);
    return;
  }
  for (const each of ids)
    showStatus(world, author, reader.e164, each, type === "read" || type === "played" ? "read" : "delivered");
  const from = jidOf(reader, addressingOf(address), device.id);
  for (const companion of author.devices.values()) {
    for (const each of ids) companion.mailbox.deliver(node("receipt", { id: each, from, t: seconds(world), type }));
    author.dirty = true;
  }
}

function forwardRetry(
  world: World,
  author: Phone,
  authorDevice: number,
  reader: Phone,
  device: LinkedDevice,
  stanza: BinaryNode,
): void {
  const to = parseJid(stanza.attrs["to"]);
  const companion = author.devices.get(authorDevice);
  if (!to || !companion) return;
  const { id, type, recipient } = stanza.attrs;
  const from = jidOf(reader, addressingOf(to), device.id);
  companion.mailbox.deliver(node("receipt", { id, type, recipient, from, t: seconds(world) }, stanza.content));
}
