import { proto } from "@whiskeysockets/baileys";
import type { ChatMessage } from "../api.ts";
import { damage } from "../server/deliver.ts";
import { bundleNodes, registrationNode } from "../signal/bundle-nodes.ts";
import { type BinaryNode, node } from "../wire/nodes.ts";
import { e164, jidOf, parseJid } from "../wire/jid.ts";
import { seconds, type World } from "../world.ts";
import { type Content, correction, shownContent } from "./content/content.ts";
import type { Envelope } from "./envelope.ts";
import { answerPeerRequest } from "./peer.ts";
import type { Phone } from "./phone.ts";
import { show, showStatus } from "./show.ts";

const retriesAtMost = 5;

/** A ciphertext arrived at a phone: it decrypts, shows, and sends its receipts, or asks for it again. */
export function receive(world: World, phone: Phone, envelope: Envelope): void {
  phone
    .enqueue(() => take(world, phone, envelope))
    .catch(() => {
      world.counters.undecryptable++;
    });
}

async function take(world: World, phone: Phone, envelope: Envelope): Promise<void> {
  const sender = world.phones.byNumber(envelope.from);
  if (!sender) return;
  const damaged = world.faults.take("corrupt-to-phone", phone.number);
  let content: Content;
  try {
    const encrypted = damaged ? damage(envelope) : envelope.encrypted;
    content = proto.Message.decode(await phone.sessions.decrypt(`${sender.lid}.${envelope.fromDevice}`, encrypted));
  } catch {
    askAgain(world, phone, sender, envelope);
    return;
  }
  phone.dirty = true;
  if (envelope.category === "peer") {
    await answerPeerRequest(world, phone, envelope, content);
    return;
  }
  if (sender === phone) {
    takeOwnCopy(world, phone, envelope, content);
    return;
  }
  phone.addressedBy.set(sender.number, envelope.addressing);
  apply(world, phone, sender.e164, envelope, content);
  confirm(world, phone, sender, envelope);
}

/** A message that an own companion sent to others is shown as sent. */
function takeOwnCopy(world: World, phone: Phone, envelope: Envelope, content: Content): void {
  const copy = content.deviceSentMessage;
  const jid = copy?.destinationJid ?? envelope.recipient;
  if (!jid) return;
  const chat = world.phones.byJid(parseJid(jid));
  apply(world, phone, chat?.e164 ?? jid, envelope, copy?.message ?? content);
}

/** Shows the message, or the change that it makes to an earlier one. */
function apply(world: World, phone: Phone, chat: string, envelope: Envelope, content: Content): void {
  const isOwn = envelope.from === phone.number;
  const change = correction(content);
  if (change) {
    const message = phone.chat.replace(chat, change.id, change.shown);
    if (message && world.observed()) world.emit({ type: "status", phone: phone.e164, message: { ...message } });
    return;
  }
  const shown = shownContent(content);
  if (!shown) return;
  const message: ChatMessage = {
    id: envelope.id,
    from: e164(envelope.from),
    to: isOwn ? chat : phone.e164,
    chat,
    direction: isOwn ? "out" : "in",
    ...shown,
    at: new Date(envelope.at * 1000).toISOString(),
    encryption: envelope.encrypted.type,
    status: isOwn ? "sent" : "delivered",
  };
  const isNew = show(world, phone, message, proto.Message.encode(content).finish());
  if (!isNew) world.counters.duplicateDeliveries++;
  else if (!isOwn) world.counters.messagesShown++;
}

function confirm(world: World, phone: Phone, sender: Phone, envelope: Envelope): void {
  if (phone.receipts === "none" || world.faults.peek("mute", phone.number)) return;
  const delay = phone.latencyMs;
  const delivered = () => {
    world.counters.deliveredReceipts++;
    sendReceipt(world, phone, sender, envelope, undefined);
  };
  if (delay > 0) world.timers.after(delay, delivered);
  else delivered();
  if (phone.receipts !== "read") return;
  const readIt = () => {
    if (phone.receipts !== "read") return;
    if (!phone.online) {
      phone.toRead.push(readIt);
      return;
    }
    world.counters.readReceipts++;
    showStatus(world, phone, sender.e164, envelope.id, "read");
    sendReceipt(world, phone, sender, envelope, "read");
  };
  world.timers.after(delay + world.readDelayMs, readIt);
}

function sendReceipt(world: World, phone: Phone, sender: Phone, envelope: Envelope, type: "read" | undefined): void {
  const stanza = node("receipt", { id: envelope.id, from: jidOf(phone, envelope.addressing), t: seconds(world), type });
  const twice = world.faults.take("duplicate-receipts", phone.number) !== undefined;
  for (const companion of sender.devices.values()) {
    companion.mailbox.deliver(stanza);
    if (twice) companion.mailbox.deliver(stanza);
  }
  sender.dirty = true;
  showStatus(world, sender, phone.e164, envelope.id, type ?? "delivered");
}

/** From the second time on the request carries fresh keys, as clients do. */
function askAgain(world: World, phone: Phone, sender: Phone, envelope: Envelope): void {
  const count = phone.countRetry(`${envelope.from}.${envelope.fromDevice} ${envelope.id}`);
  const companion = sender.devices.get(envelope.fromDevice);
  if (count > retriesAtMost || !companion) {
    world.counters.undecryptable++;
    return;
  }
  world.counters.retriesAsked++;
  const content: BinaryNode[] = [
    node("retry", { v: 1, count, id: envelope.id, t: envelope.at }),
    registrationNode(phone.registrationId),
  ];
  if (count > 1) content.push(node("keys", {}, bundleNodes(phone.takeBundle())));
  const attrs = {
    id: envelope.id,
    from: jidOf(phone, envelope.addressing),
    type: "retry",
    t: seconds(world),
    recipient: envelope.recipient,
  };
  companion.mailbox.deliver(node("receipt", attrs, content));
}
