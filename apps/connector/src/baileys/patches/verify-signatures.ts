import { createPublicKey, verify } from "node:crypto";
import { createRequire } from "node:module";
import { Curve } from "@whiskeysockets/baileys";

/** A signature of WhatsApp's server, of an account or of a recipient's pre-key is invalid. */
export class SignatureRefused extends Error {
  override readonly name = "SignatureRefused";
}

const p = (1n << 255n) - 19n;
const spkiPrefix = Buffer.from("302a300506032b6570032100", "hex");

/**
 * Verifies XEdDSA, an Ed25519 signature under a Curve25519 key, with Node's own Ed25519: 0.1 ms instead of 10 ms in
 * libsignal. The Edwards key is y = (u - 1) / (u + 1), with its sign in the top bit of the signature.
 * @param publicKey 32 bytes, or 33 with the type byte 5
 */
export function isSignedBy(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const key = publicKey.length === 33 && publicKey[0] === 5 ? publicKey.subarray(1) : publicKey;
  if (key.length !== 32 || signature.length !== 64) return false;
  const u = fromLittleEndian(key) & ((1n << 255n) - 1n);
  const y = toLittleEndian(modulo((u - 1n) * inverse(u + 1n)));
  const plain = Buffer.from(signature);
  y[31]! |= plain[63]! & 0x80;
  plain[63]! &= 0x7f;
  try {
    const ed25519 = createPublicKey({ key: Buffer.concat([spkiPrefix, y]), format: "der", type: "spki" });
    return verify(null, message, ed25519, plain);
  } catch {
    return false;
  }
}

/**
 * Makes Baileys 7.0.0-rc14 and libsignal 6 check signatures. Without this, `Curve.verify` ignores that libsignal returns
 * false, and libsignal's session builder skips the check: certificates, accounts and pre-keys pass unchecked.
 */
export function verifySignatures(): void {
  Curve.verify = isSignedBy;
  const curve = createRequire(import.meta.url)("libsignal").curve as {
    verifySignature: (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;
  };
  curve.verifySignature = (publicKey, message, signature) => {
    if (!isSignedBy(publicKey, message, signature)) throw new SignatureRefused("the signature is invalid");
    return true;
  };
}

function modulo(a: bigint): bigint {
  const rest = a % p;
  return rest < 0n ? rest + p : rest;
}

function inverse(a: bigint): bigint {
  let [r0, r1, s0, s1] = [p, modulo(a), 0n, 1n];
  while (r1 !== 0n) {
    const quotient = r0 / r1;
    [r0, r1, s0, s1] = [r1, r0 - quotient * r1, s1, s0 - quotient * s1];
  }
  return modulo(s0);
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes.toReversed()).toString("hex")}`);
}

function toLittleEndian(value: bigint): Buffer {
  return Buffer.from(Buffer.from(value.toString(16).padStart(64, "0"), "hex").toReversed());
}
