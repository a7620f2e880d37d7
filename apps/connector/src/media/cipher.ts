import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import type { MediaType } from "../content/media.ts";

const labels: Record<MediaType, string> = { image: "Image", video: "Video", audio: "Audio", document: "Document" };
const macBytes = 10;

/** A received file is not what its message says. */
export class Damaged extends Error {
  override readonly name = "Damaged";
}

/** WhatsApp's files: AES-256-CBC, and behind it ten bytes of an HMAC. */
function keysOf(mediaKey: Uint8Array, type: MediaType) {
  const bytes = Buffer.from(hkdfSync("sha256", mediaKey, "", `WhatsApp ${labels[type]} Keys`, 112));
  return { iv: bytes.subarray(0, 16), cipher: bytes.subarray(16, 48), mac: bytes.subarray(48, 80) };
}

export interface Hashes {
  fileSha256: Uint8Array;
  fileEncSha256: Uint8Array;
}

/** Encrypts a file chunk by chunk. `hashes` is for after the last chunk. */
export function encrypting(
  plain: AsyncIterable<Uint8Array>,
  { mediaKey, type }: { mediaKey: Uint8Array; type: MediaType },
): { chunks: AsyncIterable<Buffer>; hashes: () => Hashes } {
  const keys = keysOf(mediaKey, type);
  const cipher = createCipheriv("aes-256-cbc", keys.cipher, keys.iv);
  const mac = createHmac("sha256", keys.mac).update(keys.iv);
  const [ofPlain, ofEncrypted] = [createHash("sha256"), createHash("sha256")];
  const sealed = (chunk: Buffer) => {
    mac.update(chunk);
    ofEncrypted.update(chunk);
    return chunk;
  };
  async function* chunks(): AsyncGenerator<Buffer> {
    for await (const chunk of plain) {
      ofPlain.update(chunk);
      yield sealed(cipher.update(chunk));
    }
    yield sealed(cipher.final());
    const end = mac.digest().subarray(0, macBytes);
    ofEncrypted.update(end);
    yield end;
  }
  return { chunks: chunks(), hashes: () => ({ fileSha256: ofPlain.digest(), fileEncSha256: ofEncrypted.digest() }) };
}

/** What the message of a received file says about it. */
export interface Declared extends Hashes {
  mediaKey: Uint8Array;
  type: MediaType;
  sizeBytes: number;
}

/**
 * Decrypts a file chunk by chunk. Throws `Damaged` as soon as the file is longer than its message says, and before its last
 * bytes unless its MAC, both hashes and its length are right.
 */
export async function* decrypting(
  encrypted: AsyncIterable<Uint8Array>,
  { mediaKey, type, sizeBytes, fileSha256, fileEncSha256 }: Declared,
): AsyncGenerator<Uint8Array> {
  const keys = keysOf(mediaKey, type);
  const cipher = createDecipheriv("aes-256-cbc", keys.cipher, keys.iv);
  const mac = createHmac("sha256", keys.mac).update(keys.iv);
  const [ofPlain, ofEncrypted] = [createHash("sha256"), createHash("sha256")];
  let size = 0;
  const opened = (chunk: Buffer) => {
    size += chunk.length;
    if (size > sizeBytes) throw new Damaged("the file is longer than its message says");
    ofPlain.update(chunk);
    return chunk;
  };
  // The MAC, which may come in several chunks.
  let held = Buffer.alloc(0);
  for await (const chunk of encrypted) {
    ofEncrypted.update(chunk);
    held = Buffer.concat([held, chunk]);
    if (held.length <= macBytes) continue;
    const sealed = held.subarray(0, -macBytes);
    held = Buffer.from(held.subarray(-macBytes));
    mac.update(sealed);
    const plain = cipher.update(sealed);
    if (plain.length > 0) yield opened(plain);
  }
  if (held.length < macBytes || !timingSafeEqual(mac.digest().subarray(0, macBytes), held)) {
    throw new Damaged("the MAC is wrong");
  }
  if (!ofEncrypted.digest().equals(fileEncSha256)) throw new Damaged("the encrypted file has another SHA-256");
  const last = opened(lastOf(cipher));
  if (size !== sizeBytes) throw new Damaged("the file is shorter than its message says");
  if (!ofPlain.digest().equals(fileSha256)) throw new Damaged("the file has another SHA-256");
  if (last.length > 0) yield last;
}

function lastOf(cipher: ReturnType<typeof createDecipheriv>): Buffer {
  try {
    return cipher.final();
  } catch (cause) {
    throw new Damaged("the file does not decrypt", { cause });
  }
}
