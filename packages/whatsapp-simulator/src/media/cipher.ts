import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, timingSafeEqual } from "node:crypto";

/** How a file is encrypted and where it is uploaded to. Stickers are images; GIFs and video notes are videos. */
export type MediaType = "image" | "video" | "audio" | "document";

const labels: Record<MediaType, string> = { image: "Image", video: "Video", audio: "Audio", document: "Document" };
const macBytes = 10;

/** Why a phone cannot open a file. */
export class MediaProblem extends Error {}

/** What the author says about a file. */
export interface Declared {
  mediaKey: Uint8Array;
  fileSha256: Uint8Array;
  fileEncSha256: Uint8Array;
}

/** A file in a message: where it is, and what its author says about it. */
export interface Remote extends Declared {
  directPath: string;
}

/** AES-256-CBC, and an HMAC of it that is cut to ten bytes at the end of the file. */
function keysOf(mediaKey: Uint8Array, type: MediaType) {
  const bytes = Buffer.from(hkdfSync("sha256", mediaKey, "", `WhatsApp ${labels[type]} Keys`, 112));
  return { iv: bytes.subarray(0, 16), cipher: bytes.subarray(16, 48), mac: bytes.subarray(48, 80) };
}

/** Encrypts a file chunk by chunk; `declared` is what its message says about it, and is known after the last chunk. */
export function encrypting(content: AsyncIterable<Uint8Array>, type: MediaType, mediaKey: Uint8Array) {
  const keys = keysOf(mediaKey, type);
  const cipher = createCipheriv("aes-256-cbc", keys.cipher, keys.iv);
  const mac = createHmac("sha256", keys.mac).update(keys.iv);
  const [plain, encrypted] = [createHash("sha256"), createHash("sha256")];
  let sizeBytes = 0;
  async function* chunks(): AsyncGenerator<Buffer> {
    const seal = (chunk: Buffer) => {
      mac.update(chunk);
      encrypted.update(chunk);
      return chunk;
    };
    for await (const chunk of content) {
      sizeBytes += chunk.length;
      plain.update(chunk);
      yield seal(cipher.update(chunk));
    }
    yield seal(cipher.final());
    const end = mac.digest().subarray(0, macBytes);
    encrypted.update(end);
    yield end;
  }
  return {
    chunks: chunks(),
    declared: (): Declared & { sizeBytes: number } => ({
      mediaKey,
      fileSha256: plain.digest(),
      fileEncSha256: encrypted.digest(),
      sizeBytes,
    }),
  };
}

/** Decrypts a file chunk by chunk. Throws a MediaProblem, at the end, unless every part of it is what its author sent. */
export async function* decrypting(
  content: AsyncIterable<Uint8Array>,
  type: MediaType,
  { mediaKey, fileSha256, fileEncSha256 }: Declared,
): AsyncGenerator<Buffer> {
  const keys = keysOf(mediaKey, type);
  const cipher = createDecipheriv("aes-256-cbc", keys.cipher, keys.iv);
  const mac = createHmac("sha256", keys.mac).update(keys.iv);
  const [plain, encrypted] = [createHash("sha256"), createHash("sha256")];
  let held = Buffer.alloc(0);
  for await (const chunk of content) {
    encrypted.update(chunk);
    held = Buffer.concat([held, chunk]);
    if (held.length <= macBytes) continue;
    const sealed = held.subarray(0, -macBytes);
    held = Buffer.from(held.subarray(-macBytes));
    mac.update(sealed);
    const opened = cipher.update(sealed);
    plain.update(opened);
    yield opened;
  }
  if (held.length < macBytes || !timingSafeEqual(mac.digest().subarray(0, macBytes), held)) {
    throw new MediaProblem("the MAC of the file is wrong");
  }
  if (!encrypted.digest().equals(fileEncSha256)) throw new MediaProblem("the encrypted file has another SHA-256");
  let last: Buffer;
  try {
    last = cipher.final();
  } catch (cause) {
    throw new MediaProblem("the file does not decrypt", { cause });
  }
  plain.update(last);
  if (!plain.digest().equals(fileSha256)) throw new MediaProblem("the decrypted file has another SHA-256");
  yield last;
}
