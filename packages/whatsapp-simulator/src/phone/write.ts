import { randomBytes } from "node:crypto";
import { acquaint } from "../account/enforce.ts";
import type { Addressing, ChatMessage, SendOptions } from "../api.ts";
import { SimulatorError } from "../errors.ts";
import { Group } from "../groups/group.ts";
import { mayWrite } from "../groups/messages.ts";
import { deliver } from "../server/deliver.ts";
import { jidOf } from "../wire/jid.ts";
import { seconds, type World } from "../world.ts";
import { inAlbum } from "./content/album.ts";
import { type Content, contentOf, hasMedia, shownContent, type Written } from "./content/content.ts";
import type { LinkedDevice } from "./device.ts";
import type { Envelope } from "./envelope.ts";
import { attach } from "./media.ts";
import type { Phone } from "./phone.ts";
import { contextInfoOf } from "./reply-context.ts";
import { show, showStatus } from "./show.ts";
import { chatOf, encode, encryptFor, type Recipient, transmit } from "./transmit.ts";

/** Writes a message on the phone, to a person or into a group. */
export async function write(
  world: World,
  phone: Phone,
  to: Recipient,
  { addressing, forwarded, quotedMessageId, mentions, albumId, ...written }: Written & SendOptions,
): Promise<ChatMessage> {
  requireWriter(phone, to);
  const at = seconds(world);
  const mode = addressingTo(world, phone, to, addressing);
  const context = contextInfoOf(world, { phone, to, mode }, { forwarded, quotedMessageId, mentions });
  const plain = hasMedia(written) ? await attach(world, written, { at, context }) : contentOf(written, context);
  const whole = albumId === undefined ? plain : inAlbum(plain, { remoteJid: jidIn(to, mode), id: albumId });
  const content = world.faults.take("missing-secret", phone.number) ? whole : withSecret(whole);
  const id = newMessageId(world);
  const chat = chatOf(to);
  const message: ChatMessage = {
    id,
    from: phone.e164,
    to: chat,
    chat,
    direction: "out",
    ...(shownContent(content, (jid) => world.phones.nameOf(jid)) ?? { kind: "text", text: "" }),
    at: new Date(at * 1000).toISOString(),
    encryption: "none",
    status: "queued",
  };
  world.counters.messagesWritten++;
  if (!(to instanceof Group)) acquaint(phone, to);
  show(world, phone, message, encode(content));
  await transmit(world, phone, to, { id, content, addressing: mode, at });
  showStatus(world, phone, chat, id, "sent");
  return { ...message };
}

const jidIn = (to: Recipient, mode: Addressing) => (to instanceof Group ? to.jid : jidOf(to, mode));

/** Throws unless the phone is online and may write there. */
export function requireWriter(phone: Phone, to: Recipient): void {
  if (!phone.online) throw new SimulatorError("phone_offline", `${phone.e164} is offline`);
  if (!(to instanceof Group)) return;
  if (!to.has(phone.number)) throw new SimulatorError("not_group_member");
  if (!mayWrite(to, phone)) throw new SimulatorError("not_group_admin");
}

/** How the phone addresses the other one: as it is told, as it was addressed, or as the only name that there is. */
export function addressingTo(world: World, phone: Phone, to: Recipient, wished?: Addressing): Addressing {
  if (to instanceof Group) return "lid";
  const isHidden = [phone, to].some(({ number }) => world.faults.peek("lid-only", number));
  if (isHidden) return "lid";
  return wished ?? (phone.addressing === "auto" ? (phone.addressedBy.get(to.number) ?? "pn") : phone.addressing);
}

/** Clients give every message a secret, from which the keys of its edits and votes are made. */
function withSecret(content: Content): Content {
  const { messageContextInfo } = content;
  return { ...content, messageContextInfo: { ...messageContextInfo, messageSecret: randomBytes(32) } };
}

/** Sends a message between a phone and its own companion, outside of any chat. */
export async function writePeer(world: World, phone: Phone, device: LinkedDevice, content: Content): Promise<void> {
  const encrypted = await encryptFor(phone, phone, device.id, encode(content));
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

export function newMessageId(world: World): string {
  return `3A${world.random(9).toString("hex").toUpperCase()}`;
}
