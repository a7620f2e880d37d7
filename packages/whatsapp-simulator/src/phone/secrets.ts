import { createCipheriv, createDecipheriv, createHash, hkdfSync } from "node:crypto";
import { proto } from "@whiskeysockets/baileys";
import { jidOf } from "../wire/jid.ts";
import type { Content } from "./content/content.ts";
import type { Phone } from "./phone.ts";

const tagBytes = 16;
const ivBytes = 12;

/** Whom a secret change is about: the message, its author, and who changes it or votes in it. */
export interface About {
  id: string;
  /** The `messageSecret` of the message. */
  secret: Uint8Array;
  author: Phone;
  actor: Phone;
}

type Use = "Poll Vote" | "Message Edit";

/** Encrypts a change of a message with a key that only those who have the message can make. */
function seal(use: Use, about: About & { names: [author: string, actor: string] }, plain: Uint8Array, iv: Uint8Array) {
  const { key, aad } = keyOf(use, about);
  const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(aad);
  return { encPayload: Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]), encIv: iv };
}

/** Tries the author and the actor by phone number and by LID, because clients mix them. */
function open(
  use: Use,
  about: About,
  { encPayload, encIv }: { encPayload?: Uint8Array | null; encIv?: Uint8Array | null },
): Uint8Array | undefined {
  if (!encPayload || encPayload.length < tagBytes || encIv?.length !== ivBytes) return undefined;
  for (const authorMode of ["lid", "pn"] as const) {
    for (const actorMode of ["lid", "pn"] as const) {
      const names: [string, string] = [jidOf(about.author, authorMode), jidOf(about.actor, actorMode)];
      const { key, aad } = keyOf(use, { ...about, names });
      const cipher = createDecipheriv("aes-256-gcm", key, encIv).setAAD(aad).setAuthTag(encPayload.subarray(-tagBytes));
      try {
        return Buffer.concat([cipher.update(encPayload.subarray(0, -tagBytes)), cipher.final()]);
      } catch {
        // Other names, then.
      }
    }
  }
  return undefined;
}

function keyOf(use: Use, { id, secret, names: [author, actor] }: About & { names: [string, string] }) {
  const key = Buffer.from(hkdfSync("sha256", secret, "", `${id}${author}${actor}${use}`, 32));
  return { key, aad: Buffer.from(use === "Poll Vote" ? `${id}\0${actor}` : "") };
}

/** Author and actor as the message's chat addresses them. */
const namesIn = ({ author, actor }: About, mode: "pn" | "lid"): [string, string] => [
  jidOf(author, mode),
  jidOf(actor, mode),
];

export function sealVote(
  about: About,
  { creatorBy, voterBy }: Record<"creatorBy" | "voterBy", "pn" | "lid">,
  options: string[],
  iv: Uint8Array,
) {
  const selectedOptions = options.map(optionHash);
  const plain = proto.Message.PollVoteMessage.encode({ selectedOptions }).finish();
  const names: [string, string] = [jidOf(about.author, creatorBy), jidOf(about.actor, voterBy)];
  return seal("Poll Vote", { ...about, names }, plain, iv);
}

/** The names that were voted for; undefined when the vote cannot be read. */
export function openVote(about: About, vote: proto.Message.IPollEncValue, options: string[]): string[] | undefined {
  const plain = open("Poll Vote", about, vote);
  if (!plain) return undefined;
  const chosen = new Set(
    proto.Message.PollVoteMessage.decode(plain).selectedOptions.map((hash) => Buffer.from(hash).toString("hex")),
  );
  return options.filter((option) => chosen.has(optionHash(option).toString("hex")));
}

const optionHash = (option: string) => createHash("sha256").update(option).digest();

export function sealEdit(about: About, mode: "pn" | "lid", content: Content, iv: Uint8Array) {
  return seal("Message Edit", { ...about, names: namesIn(about, mode) }, proto.Message.encode(content).finish(), iv);
}

export function openEdit(about: About, edit: proto.Message.ISecretEncryptedMessage): Content | undefined {
  const plain = open("Message Edit", about, edit);
  return plain && proto.Message.decode(plain);
}
