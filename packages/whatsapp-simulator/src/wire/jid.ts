import type { Addressing } from "../api.ts";

/** The parts of a user's address on the wire. */
export interface Jid {
  user: string;
  device: number;
  server: string;
}

/** Where stories go. Phones show them in a chat of this name. */
export const storyJid = "status@broadcast";

export function parseJid(jid: string | undefined): Jid | undefined {
  const at = jid?.indexOf("@") ?? -1;
  if (jid === undefined || at < 0) return undefined;
  const [name = "", device] = jid.slice(0, at).split(":");
  const [user = ""] = name.split("_");
  return { user, device: device === undefined ? 0 : Number(device), server: jid.slice(at + 1) };
}

export function addressingOf(jid: Jid): Addressing {
  return jid.server === "lid" ? "lid" : "pn";
}

/** The jid of an account's device, by phone number or by LID. */
export function jidOf(who: { number: string; lid: string }, addressing: Addressing, device = 0): string {
  const suffix = device === 0 ? "" : `:${device}`;
  return addressing === "lid" ? `${who.lid}${suffix}@lid` : `${who.number}${suffix}@s.whatsapp.net`;
}

/** The digits of an E.164 number; undefined for any other text. */
export function digitsOf(number: string): string | undefined {
  const match = /^\+?([1-9]\d{5,14})$/.exec(number.trim());
  return match?.[1];
}

export function e164(digits: string): string {
  return `+${digits}`;
}
