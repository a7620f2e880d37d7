import { createCipheriv, createDecipheriv, scryptSync } from "node:crypto";
import { E164, SessionId } from "@sandi/contracts";
import type { Random } from "@sandi/crypto";
import { z } from "zod";
import { MovedChats } from "./chats.ts";

/** A session on its way to another database: all of its WhatsApp credentials, and what people wrote to it. */
export const MovedSession = z.object({
  sessionId: SessionId,
  phone: E164,
  exportedAt: z.iso.datetime(),
  values: z.array(z.tuple([z.string(), z.string(), z.string()])).min(1),
  /** Files written before December 2026 have none. */
  chats: MovedChats.optional(),
});
export type MovedSession = z.infer<typeof MovedSession>;

const Header = z.object({
  format: z.literal("sandi-session"),
  version: z.int().positive(),
  salt: z.string(),
  iv: z.string(),
  bytes: z.int().positive(),
});

/** A file cannot be read. The message says why. */
export class FileRefused extends Error {
  override readonly name = "FileRefused";
}

const version = 1;
const cost = { N: 2 ** 17, r: 8, p: 1, maxmem: 2 ** 28 };
const tagBytes = 16;
const maxHeaderBytes = 1000;

/**
 * The file is one line of JSON, then AES-256-GCM under scrypt(passphrase) with that line as additional data. Any change of
 * the file is detected before its content is used.
 */
export function sealSessionFile(session: MovedSession, passphrase: string, random: Random): Buffer {
  const plaintext = Buffer.from(JSON.stringify(session));
  const [salt, iv] = [random(16), random(12)];
  const header = Header.parse({
    format: "sandi-session",
    version,
    salt: Buffer.from(salt).toString("base64url"),
    iv: Buffer.from(iv).toString("base64url"),
    bytes: plaintext.length + tagBytes,
  });
  const line = Buffer.from(`${JSON.stringify(header)}\n`);
  const cipher = createCipheriv("aes-256-gcm", keyOf(passphrase, salt), iv).setAAD(line);
  return Buffer.concat([line, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** Throws `FileRefused`. */
export function openSessionFile(file: Buffer, passphrase: string): MovedSession {
  const end = file.subarray(0, maxHeaderBytes).indexOf("\n") + 1;
  const header = headerOf(file.subarray(0, Math.max(0, end - 1)).toString());
  if (header.version > version) {
    throw new FileRefused(`The file is of format ${header.version}; this Sandi reads ${version}. Update it first.`);
  }
  const sealed = file.subarray(end);
  if (sealed.length !== header.bytes) {
    throw new FileRefused(`The file is incomplete: it has ${sealed.length} of ${header.bytes} bytes.`);
  }
  let plaintext: Buffer;
  try {
    const key = keyOf(passphrase, Buffer.from(header.salt, "base64url"));
    const options = { authTagLength: tagBytes };
    const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(header.iv, "base64url"), options);
    decipher.setAAD(file.subarray(0, end)).setAuthTag(sealed.subarray(-tagBytes));
    plaintext = Buffer.concat([decipher.update(sealed.subarray(0, -tagBytes)), decipher.final()]);
  } catch {
    throw new FileRefused("The passphrase is wrong, or the file was changed.");
  }
  return MovedSession.parse(JSON.parse(plaintext.toString()));
}

function headerOf(line: string): z.infer<typeof Header> {
  try {
    return Header.parse(JSON.parse(line));
  } catch {
    throw new FileRefused("This is not a session file.");
  }
}

function keyOf(passphrase: string, salt: Uint8Array): Buffer {
  return scryptSync(passphrase.normalize("NFKC"), salt, 32, cost);
}
