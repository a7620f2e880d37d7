import { createHash } from "node:crypto";

/** The id under which WhatsApp knows a message of ours: always the same, so that a second send is the same message. */
export function whatsappId(messageId: string): string {
  return `3EB0${createHash("sha256").update(messageId).digest("hex").toUpperCase().slice(0, 18)}`;
}

/** The id of the first message of an album in a chat: always the same. */
export const albumId = (sessionId: string, { to, name }: { to: string; name: string }) =>
  whatsappId(JSON.stringify(["album", sessionId, to, name]));

const mirror = (digit: string) => (15 - Number.parseInt(digit, 16)).toString(16).toUpperCase();

/**
 * The id of the message that revokes another one. It is always the same, so that a second revocation changes nothing.
 * The function is its own inverse: a device that asks for the revocation again leads to the message that it revokes.
 */
export function revocationId(waId: string): string {
  return waId.slice(0, 4) + waId.slice(4).replaceAll(/[0-9A-F]/g, mirror);
}
