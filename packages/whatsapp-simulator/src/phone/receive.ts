import { proto } from "@whiskeysockets/baileys";
import type { ChatMessage } from "../api.ts";
import { memberNames } from "../groups/names.ts";
import { showGroupReceipt } from "../groups/receipts.ts";
import { damage } from "../server/deliver.ts";
import { bundleNodes, registrationNode } from "../signal/bundle-nodes.ts";
import { type BinaryNode, node } from "../wire/nodes.ts";
import { jidOf, parseJid } from "../wire/jid.ts";
import { seconds, type World } from "../world.ts";
import { applyChange } from "./changes.ts";
import { type Content, shownContent } from "./content/content.ts";
import type { Envelope } from "./envelope.ts";
import { answerPeerRequest } from "./peer.ts";
import { withOpenedMedia } from "./media.ts";
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
    content = await decrypt(phone, sender, damaged ? { ...envelope, encrypted: damage(envelope) } : envelope);
  } catch {
    askAgain(world, phone, sender, envelope);
    return;
  }
  phone.dirty = true;
  if (envelope.category === "peer") {
    await answerPeerRequest(world, phone, envelope, content);
    return;
  }
  if (envelope.group !== undefined) {
    await apply(world, phone, { chat: envelope.group, sender, envelope }, content);
    if (sender !== phone) confirm(world, phone, sender, envelope);
    return;
  }
  if (sender === phone) {
    await takeOwnCopy(world, phone, envelope, content);
    return;
  }
  phone.addressedBy.set(sender.number, envelope.addressing);
  await apply(world, phone, { chat: sender.e164, sender, envelope }, content);
  confirm(world, phone, sender, envelope);
}

async function decrypt(phone: Phone, sender: Phone, { group, senderKey, encrypted, fromDevice }: Envelope) {
  const peer = `${sender.lid}.${fromDevice}`;
  const author = { group: group ?? "", peer };
  const learn = async (key: Content["senderKeyDistributionMessage"]) => {
    const bytes = key?.axolotlSenderKeyDistributionMessage;
    if (bytes?.length) await phone.senderKeys.learn(author, bytes);
  };
  if (senderKey) {
    const opened = proto.Message.decode(await phone.sessions.decrypt(peer, senderKey));
    await learn(opened.senderKeyDistributionMessage);
  }
  if (encrypted.type === "skmsg") {
    return proto.Message.decode(await phone.senderKeys.decrypt(author, encrypted.ciphertext));
  }
  const { type, ciphertext } = encrypted;
  const content = proto.Message.decode(await phone.sessions.decrypt(peer, { type, ciphertext }));
  if (group !== undefined) await learn(content.senderKeyDistributionMessage);
  return content;
}

/** A message that an own companion sent to others is shown as sent. */
async function takeOwnCopy(world: World, phone: Phone, envelope: Envelope, content: Content): Promise<void> {
  const copy = content.deviceSentMessage;
  const jid = copy?.destinationJid ?? envelope.recipient;
  if (!jid) return;
  const chat = world.phones.byJid(parseJid(jid))?.e164 ?? jid;
  // The secret may lie beside the copy.
  const { messageContextInfo = null } = content;
  const sent = copy?.message ? { messageContextInfo, ...copy.message } : content;
  await apply(world, phone, { chat, sender: phone, envelope }, sent);
}

interface Arrival {
  chat: string;
  sender: Phone;
  envelope: Envelope;
}

/** Shows the message, or the change that it makes to an earlier one. */
async function apply(world: World, phone: Phone, { chat, sender, envelope }: Arrival, content: Content): Promise<void> {
  const isOwn = sender === phone;
  const at = new Date(envelope.at * 1000).toISOString();
  const isAdmin = world.groups.find(chat)?.isAdmin(sender.number) ?? false;
  if (applyChange(world, phone, content, { chat, actor: sender, at, isAdmin })) return;
  // Of these, phones show nothing at all. A message that is sent again comes without the node of the first.
  const isRepeated = envelope.encAttributes?.["count"] !== undefined;
  if (content.interactiveMessage && !envelope.showsButtons && !isRepeated) return;
  const shown = shownContent(content, (jid) => world.phones.nameOf(jid));
  if (!shown) return;
  if (phone.chat.find(chat, envelope.id)) {
    world.counters.duplicateDeliveries++;
    return;
  }
  const message: ChatMessage = {
    id: envelope.id,
    from: sender.e164,
    to: isOwn || envelope.group !== undefined ? chat : phone.e164,
    chat,
    direction: isOwn ? "out" : "in",
    ...(await withOpenedMedia(world, content, shown)),
    at,
    encryption: envelope.encrypted.type,
    status: isOwn ? "sent" : "delivered",
  };
  show(world, phone, message, proto.Message.encode(content).finish());
  if (!isOwn) world.counters.messagesShown++;
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
  const reads = () => phone.receipts === "read" || phone.receipts === "played";
  if (!reads()) return;
  const readIt = () => {
    if (!reads()) return;
    if (!phone.online) {
      phone.toRead.push(readIt);
      return;
    }
    world.counters.readReceipts++;
    showStatus(world, phone, envelope.group ?? sender.e164, envelope.id, "read");
    sendReceipt(world, phone, sender, envelope, "read");
    if (phone.receipts === "played") sendReceipt(world, phone, sender, envelope, "played");
  };
  world.timers.after(delay + world.readDelayMs, readIt);
}

function sendReceipt(
  world: World,
  phone: Phone,
  sender: Phone,
  envelope: Envelope,
  type: "read" | "played" | undefined,
): void {
  const { id } = envelope;
  const stanza = node("receipt", { id, ...fromOf(world, phone, envelope), t: seconds(world), type });
  const twice = world.faults.take("duplicate-receipts", phone.number) !== undefined;
  for (const companion of sender.devices.values()) {
    companion.mailbox.deliver(stanza);
    if (twice) companion.mailbox.deliver(stanza);
  }
  sender.dirty = true;
  const shown = type === undefined ? "delivered" : "read";
  const group = envelope.group === undefined ? undefined : world.groups.find(envelope.group);
  if (group) showGroupReceipt(world, group, { author: sender, member: phone, id }, shown);
  else showStatus(world, sender, envelope.group ?? phone.e164, id, shown);
}

/** A receipt of a group comes from the group. */
function fromOf(world: World, phone: Phone, { group, addressing }: Envelope) {
  return group === undefined ? { from: jidOf(phone, addressing) } : { from: group, ...memberNames(world, phone) };
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
    ...fromOf(world, phone, envelope),
    type: "retry",
    t: seconds(world),
    recipient: envelope.recipient,
  };
  companion.mailbox.deliver(node("receipt", attrs, content));
}
