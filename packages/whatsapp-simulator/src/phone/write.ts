import { proto } from "@whiskeysockets/baileys";
import { acquaint } from "../account/enforce.ts";
import type { ChatMessage, SendOptions } from "../api.ts";
import { SimulatorError } from "../errors.ts";
import { deliver } from "../server/deliver.ts";
import type { KeyBundle } from "../signal/keys.ts";
import { addressingOf, jidOf, parseJid } from "../wire/jid.ts";
import { type BinaryNode, bytesOf, child } from "../wire/nodes.ts";
import { seconds, type World } from "../world.ts";
import { type Content, contentOf, shownContent, type Written } from "./content/content.ts";
import type { LinkedDevice } from "./device.ts";
import type { Envelope } from "./envelope.ts";
import type { Phone } from "./phone.ts";
import { show, showStatus } from "./show.ts";

/** Writes a message on the phone: encrypted for every device of the other side, and copied to the own companions. */
export async function write(
  world: World,
  phone: Phone,
  to: Phone,
  { addressing, forwarded, ...written }: Written & SendOptions,
): Promise<ChatMessage> {
  if (!phone.online) throw new SimulatorError("phone_offline", `${phone.e164} is offline`);
  const id = newMessageId(world);
  const at = seconds(world);
  const content = contentOf(written, { forwarded });
  const message: ChatMessage = {
    id,
    from: phone.e164,
    to: to.e164,
    chat: to.e164,
    direction: "out",
    ...(shownContent(content) ?? { kind: "text", text: "" }),
    at: new Date(at * 1000).toISOString(),
    encryption: "none",
    status: "queued",
  };
  world.counters.messagesWritten++;
  acquaint(phone, to);
  const plain = encode(content);
  show(world, phone, message, plain);
  const mode =
    addressing ?? (phone.addressing === "auto" ? (phone.addressedBy.get(to.number) ?? "pn") : phone.addressing);
  await phone.enqueue(async () => {
    const about = { id, from: phone.number, fromDevice: 0, addressing: mode, type: "text", at };
    for (const device of to === phone ? [] : [0, ...to.devices.keys()]) {
      deliver(world, { ...about, encrypted: await encrypt(phone, to, device, plain) }, to, device);
    }
    const recipient = jidOf(to, mode);
    const copy = copyOf(recipient, plain);
    for (const device of phone.devices.keys()) {
      const encrypted = await encrypt(phone, phone, device, copy);
      deliver(world, { ...about, recipient, encrypted }, phone, device);
    }
  });
  showStatus(world, phone, to.e164, id, "sent");
  return { ...message };
}

/** Sends a message between a phone and its own companion, outside of any chat. */
export async function writePeer(world: World, phone: Phone, device: LinkedDevice, content: Content): Promise<void> {
  const encrypted = await encrypt(phone, phone, device.id, encode(content));
  const envelope: Envelope = {
    id: newMessageId(world),
    from: phone.number,
    fromDevice: 0,
    addressing: "pn",
    category: "peer",
    type: "text",
    encrypted,
    at: seconds(world),
  };
  deliver(world, envelope, phone, device.id);
}

/** A companion could not decrypt: it gets the message again, in a new session if it sends keys. */
export function retried(world: World, phone: Phone, reader: Phone, device: LinkedDevice, stanza: BinaryNode): void {
  const id = stanza.attrs["id"] ?? "";
  const address = parseJid(stanza.attrs["to"]);
  const to = reader === phone ? world.phones.byJid(parseJid(stanza.attrs["recipient"])) : reader;
  const content = to && phone.chat.contentOf(to.e164, id);
  if (!address || !content) return;
  world.counters.retriesServed++;
  const addressing = addressingOf(address);
  const recipient = reader === phone ? jidOf(to, addressing) : undefined;
  const plain = encode(content);
  const peer = `${reader.lid}.${device.id}`;
  const job = phone.enqueue(async () => {
    const offered = bundleIn(stanza);
    if (offered) await phone.sessions.open(peer, offered);
    const envelope: Envelope = {
      id,
      from: phone.number,
      fromDevice: 0,
      addressing,
      recipient,
      type: "text",
      encrypted: await encrypt(phone, reader, device.id, recipient ? copyOf(recipient, plain) : plain),
      encAttributes: { count: child(stanza, "retry")?.attrs["count"] ?? "1" },
      at: seconds(world),
    };
    deliver(world, envelope, reader, device.id);
  });
  job.catch(() => {
    world.counters.undecryptable++;
  });
}

export function newMessageId(world: World): string {
  return `3A${world.random(9).toString("hex").toUpperCase()}`;
}

function encode(content: Content): Uint8Array {
  return proto.Message.encode(content).finish();
}

function copyOf(destinationJid: string, plain: Uint8Array): Uint8Array {
  return encode({ deviceSentMessage: { destinationJid, message: proto.Message.decode(plain) } });
}

async function encrypt(phone: Phone, to: Phone, device: number, plain: Uint8Array): Promise<Envelope["encrypted"]> {
  const peer = `${to.lid}.${device}`;
  phone.dirty = true;
  if (!phone.sessions.has(peer)) {
    const bundle = device === 0 ? to.takeBundle() : to.devices.get(device)?.takeBundle();
    if (!bundle) throw new SimulatorError("device_not_found", `device ${device} of ${to.e164} is gone`);
    await phone.sessions.open(peer, bundle);
  }
  return phone.sessions.encrypt(peer, plain);
}

function bundleIn(receipt: BinaryNode): KeyBundle | undefined {
  const keys = child(receipt, "keys");
  const [skey, key] = [child(keys, "skey"), child(keys, "key")];
  const identity = bytesOf(keys, "identity");
  const registration = bytesOf(receipt, "registration");
  const [signedId, signedKey, signature] = [bytesOf(skey, "id"), bytesOf(skey, "value"), bytesOf(skey, "signature")];
  const [preId, preKey] = [bytesOf(key, "id"), bytesOf(key, "value")];
  if (!identity || !registration || !signedId || !signedKey || !signature) return undefined;
  return {
    registrationId: registration.readUIntBE(0, registration.length),
    identity,
    signedPreKey: { id: signedId.readUIntBE(0, signedId.length), key: signedKey, signature },
    ...(preId && preKey && { preKey: { id: preId.readUIntBE(0, preId.length), key: preKey } }),
  };
}
