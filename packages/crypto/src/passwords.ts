import { base64url, fromBase64url, type Random, utf8 } from "./bytes.ts";

/**
 * Cloudflare refuses PBKDF2 above 100,000 iterations (local workerd does not). So three rounds of 70,000 are chained: the
 * salt of each round is the output of the former one.
 */
export const passwordRounds = 3;
export const iterationsPerRound = 70_000;

const tag = `pbkdf2-sha512-${passwordRounds}x${iterationsPerRound}`;

export interface PasswordCheck {
  ok: boolean;
  /** True when the password is right but its hash has an older form. Hash it again and store the new hash. */
  needsRehash: boolean;
}

/** Hashes a password as `<recipe>.<salt>.<hash>`. */
export async function hashPassword(password: string, random: Random): Promise<string> {
  const salt = random(16);
  return `${tag}.${base64url(salt)}.${base64url(await derive(password, salt, passwordRounds, iterationsPerRound))}`;
}

/** Checks a password in constant time. A stored text of an unknown form does not match. */
export async function verifyPassword(password: string, stored: string): Promise<PasswordCheck> {
  const match = /^pbkdf2-sha512-([1-9])x([1-9][0-9]{3,4})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/.exec(stored);
  if (!match) return { ok: false, needsRehash: false };
  const [, rounds, iterations, salt, hash] = match;
  const actual = await derive(password, fromBase64url(salt ?? ""), Number(rounds), Number(iterations));
  const ok = equal(actual, fromBase64url(hash ?? ""));
  return { ok, needsRehash: ok && !stored.startsWith(`${tag}.`) };
}

async function derive(password: string, salt: Uint8Array<ArrayBuffer>, rounds: number, iterations: number) {
  const key = await crypto.subtle.importKey("raw", utf8(password.normalize("NFKC")), "PBKDF2", false, ["deriveBits"]);
  let output = salt;
  for (let round = 0; round < rounds; round++) {
    const parameters = { name: "PBKDF2", hash: "SHA-512", salt: output, iterations };
    output = new Uint8Array(await crypto.subtle.deriveBits(parameters, key, 512));
  }
  return output;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}
