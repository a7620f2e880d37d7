/** The types of Workers do not tell that the array has a buffer of its own. */
const encoder = new TextEncoder() as { encode(text: string): Uint8Array<ArrayBuffer> };

/** Returns this many cryptographically random bytes. */
export type Random = (size: number) => Uint8Array<ArrayBuffer>;

/** The platform's own randomness. */
export const webRandom: Random = (size) => {
  const bytes = new Uint8Array(size);
  crypto.getRandomValues(bytes);
  return bytes;
};

const poolSize = 4_096;

/**
 * The same randomness, taken from the platform 4 KiB at a time: a call of it costs more than its bytes. The pool forgets
 * each byte that it returns.
 */
export function pooledRandom(): Random {
  const pool = new Uint8Array(poolSize);
  let used = poolSize;
  return (size) => {
    if (size > poolSize) return webRandom(size);
    if (used + size > poolSize) {
      crypto.getRandomValues(pool);
      used = 0;
    }
    const bytes = pool.slice(used, used + size);
    pool.fill(0, used, used + size);
    used += size;
    return bytes;
  };
}

export const utf8 = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text);

/** Base64url without padding (RFC 4648 §5). */
export const base64url = (bytes: Uint8Array): string => bytes.toBase64({ alphabet: "base64url", omitPadding: true });

/** Decodes base64url, with or without padding; throws a `SyntaxError` for anything else. */
export function fromBase64url(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[A-Za-z0-9_-]*={0,2}$/.test(text)) throw new SyntaxError("not base64url");
  return Uint8Array.fromBase64(text, { alphabet: "base64url" });
}

export function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** base64url(SHA-256(text)), the S256 of PKCE. */
export const s256 = async (text: string): Promise<string> => base64url(await sha256(utf8(text)));

const crcOfByte = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  return crc;
});

/** The CRC-32 of API keys and PNG files (ISO 3309). */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (crcOfByte[(crc ^ byte) & 0xff] ?? 0);
  return (crc ^ 0xffffffff) >>> 0;
}
