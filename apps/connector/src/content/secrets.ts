import { createCipheriv, createDecipheriv, createHash, hkdfSync } from "node:crypto";
import { proto } from "@whiskeysockets/baileys";
import type { Encrypted } from "./changes.ts";
import { decode, type WireMessage } from "./wire.ts";

/** Whose secret a content is encrypted with, and by whom: each person with all jids that are known. */
export interface SecretOf {
  /** WhatsApp's id of the message that has the secret. */
  waId: string;
  secret: Uint8Array;
  author: readonly string[];
  actor: readonly string[];
}

const tagBytes = 16;
const ivBytes = 12;

/** A vote's options, by their names; null when it cannot be opened. */
export function openVote(of: SecretOf, encrypted: Encrypted, options: readonly string[]): string[] | null {
  const plain = open("Poll Vote", of, encrypted);
  if (!plain) return null;
  const chosen = new Set(proto.Message.PollVoteMessage.decode(plain).selectedOptions.map((hash) => hex(hash)));
  return options.filter((option) => chosen.has(hex(createHash("sha256").update(option).digest())));
}

/** An edit; null when it cannot be opened. */
export function openEdit(of: SecretOf, encrypted: Encrypted): WireMessage | null {
  const plain = open("Message Edit", of, encrypted);
  return plain && decode(plain);
}

/** Encrypts a vote. The poll's author and the voter are named as the poll's chat names its author. */
export function sealVote(
  { waId, secret, author, actor }: Omit<SecretOf, "author" | "actor"> & { author: string; actor: string },
  options: readonly string[],
  random: (length: number) => Uint8Array,
): Encrypted {
  const iv = random(ivBytes);
  const selectedOptions = options.map((option) => createHash("sha256").update(option).digest());
  const plain = proto.Message.PollVoteMessage.encode({ selectedOptions }).finish();
  const key = keyOf("Poll Vote", { waId, secret, author, actor });
  const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(`${waId}\0${actor}`));
  return { payload: Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]), iv };
}

const keyOf = (
  use: "Poll Vote" | "Message Edit",
  { waId, secret, author, actor }: { waId: string; secret: Uint8Array; author: string; actor: string },
) => Buffer.from(hkdfSync("sha256", secret, "", `${waId}${author}${actor}${use}`, 32));

/** Phones mix phone numbers and LIDs in one content, so every pair of names is tried. */
function open(use: "Poll Vote" | "Message Edit", of: SecretOf, { payload, iv }: Encrypted): Uint8Array | null {
  if (payload.length < tagBytes || iv.length !== ivBytes) return null;
  const { waId, secret } = of;
  for (const author of of.author) {
    for (const actor of of.actor) {
      const key = keyOf(use, { waId, secret, author, actor });
      const cipher = createDecipheriv("aes-256-gcm", key, iv).setAuthTag(payload.subarray(-tagBytes));
      if (use === "Poll Vote") cipher.setAAD(Buffer.from(`${waId}\0${actor}`));
      try {
        return Buffer.concat([cipher.update(payload.subarray(0, -tagBytes)), cipher.final()]);
      } catch {
        // Other names, then.
      }
    }
  }
  return null;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
