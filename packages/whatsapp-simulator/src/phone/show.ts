import type { ChatMessage, MessageStatus } from "../api.ts";
import { parseJid } from "../wire/jid.ts";
import type { World } from "../world.ts";
import type { Phone } from "./phone.ts";

/** Puts a message on the screen, with its content as it was sent; false when the phone shows this id already. */
export function show(world: World, phone: Phone, message: ChatMessage, content: Uint8Array): boolean {
  if (!phone.chat.add(message, content)) return false;
  phone.dirty = true;
  if (world.observed()) world.emit({ type: "message", phone: phone.e164, message: { ...message } });
  return true;
}

export function showStatus(world: World, phone: Phone, chat: string, id: string, status: MessageStatus): void {
  announce(world, phone, phone.chat.advance(chat, id, status));
}

/** A member's receipt for a message in a group; its status is that of the slowest of the members. */
export function showMemberStatus(
  world: World,
  phone: Phone,
  { chat, id, member, members }: { chat: string; id: string; member: string; members: string[] },
  status: "delivered" | "read",
): void {
  announce(world, phone, phone.chat.advanceMember(chat, id, { member, members, status }));
}

/** Shows what became of a message. */
export function showChange(
  world: World,
  phone: Phone,
  { chat, id }: ChatMessage,
  change: Partial<ChatMessage> | "revoked",
): void {
  announce(world, phone, phone.chat.change(chat, id, change));
}

/** Takes a message off the screen, as when its owner deletes it for themselves. */
export function showRemoval(world: World, phone: Phone, { chat, id }: ChatMessage): void {
  if (!phone.chat.remove(chat, id)) return;
  phone.dirty = true;
  if (world.observed()) world.emit({ type: "removed", phone: phone.e164, chat, id });
}

function announce(world: World, phone: Phone, message: ChatMessage | undefined): void {
  if (!message) return;
  phone.dirty = true;
  if (world.observed()) world.emit({ type: "status", phone: phone.e164, message: { ...message } });
}

/** A companion types to a phone: the page shows it, and it is not stored. */
export function showTyping(world: World, writer: Phone, to: string | undefined, isTyping: boolean): void {
  const reader = world.phones.byJid(parseJid(to));
  if (reader) world.emit({ type: "typing", phone: reader.e164, chat: writer.e164, isTyping });
}
