import { z } from "zod";

const id = "[0-9a-hjkmnp-tv-z]{26}";

/** The addresses of one session's chats and of its story, beside phone numbers. */
const forms = {
  chat: new RegExp(`^cht_${id}$`),
  person: new RegExp(`^per_${id}$`),
  group: /^\d{6,20}(-\d{6,20})?@g\.us$/,
  lid: /^\d{5,20}@lid$/,
  status: /^status$/,
} as const;

/** Whom a message goes to, when that is not a phone number. */
export interface Address {
  kind: keyof typeof forms;
  /** The id or the jid. */
  text: string;
}

/** The address in a text, in which the `@` may be percent-encoded; undefined when it is none. */
export function readAddress(text: string): Address | undefined {
  const plain = text.trim().replace(/%40/, "@");
  const [kind] = Object.entries(forms).find(([, form]) => form.test(plain)) ?? [];
  return kind === undefined ? undefined : { kind: kind as Address["kind"], text: plain };
}

/** A chat and, in a chat of two, its person have ids that differ in their beginnings only. */
export const chatIdOf = (text: string) => text.replace(/^per_/, "cht_");
/** The id of the person in a chat of two. */
export const personIdOf = (chatId: string) => chatId.replace(/^cht_/, "per_");

/** An address as the edge writes it. */
export const AddressText = z
  .string()
  .max(64)
  .refine(
    (text) => readAddress(text)?.text === text,
    "must be a chat's or a person's id, a jid of a group or a LID, or status",
  );

/** Whom a request names: a number as people type it, or an address. */
export const writtenRecipient = z.string().min(1).max(64).meta({
  description:
    "The recipient: a phone number (with `+` and country code, or national when the workspace has a default country; spaces, hyphens, brackets and digits of any script are allowed), or an address of one session: the id of a chat (`cht_…`) or a person (`per_…`), a group (`…@g.us`) or a hidden id (`…@lid`), or `status` for its story. The session of an address is that of the chat, or the given `sessionId`, or the only session of the pool.",
  example: "+6281234567890",
});
