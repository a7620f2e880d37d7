import {
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type JsonWebKeyInput,
} from "node:crypto";
import type { Unsealer } from "../sealing.ts";

/** RFC 7518 §4.6.2 for one round of SHA-256: counter, then algorithm, no party info, key length in bits. */
const rounds = Buffer.from([0, 0, 0, 1]);
const otherInfo = Buffer.concat([
  Buffer.from([0, 0, 0, 7]),
  Buffer.from("A256GCM"),
  Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]),
]);

/**
 * `createUnsealer` on Node's own functions, at a quarter of the CPU: the connector opens every message once.
 * @param privateJwk the JSON text of the P-256 private key
 */
export function createNodeUnsealer(privateJwk: string): Unsealer {
  const privateKey = createPrivateKey({ key: JSON.parse(privateJwk) as JsonWebKeyInput["key"], format: "jwk" });
  return async (sealed) => {
    const [protectedHeader, encryptedKey, iv, ciphertext, tag, ...rest] = sealed.split(".");
    if (!protectedHeader || encryptedKey !== "" || !iv || !ciphertext || !tag || rest.length > 0)
      throw new Error("not sealed");
    const { epk, purpose } = readHeader(protectedHeader);
    const secret = diffieHellman({ privateKey, publicKey: createPublicKey({ key: epk, format: "jwk" }) });
    const key = createHash("sha256").update(rounds).update(secret).update(otherInfo).digest();
    const decipher = createDecipheriv("aes-256-gcm", key, bytes(iv), { authTagLength: 16 });
    decipher.setAAD(Buffer.from(protectedHeader)).setAuthTag(bytes(tag));
    const text = Buffer.concat([decipher.update(bytes(ciphertext)), decipher.final()]).toString();
    return { value: JSON.parse(text) as unknown, purpose };
  };
}

interface Header {
  epk: { kty: "EC"; crv: "P-256"; x: string; y: string };
  purpose: string | undefined;
}

function readHeader(encoded: string): Header {
  const { alg, enc, epk, for: purpose } = JSON.parse(bytes(encoded).toString()) as Record<string, unknown>;
  const { kty, crv, x, y } = (epk ?? {}) as Record<string, unknown>;
  if (alg !== "ECDH-ES" || enc !== "A256GCM" || kty !== "EC" || crv !== "P-256") throw new Error("not sealed");
  if (typeof x !== "string" || typeof y !== "string") throw new Error("not sealed");
  if (purpose !== undefined && typeof purpose !== "string") throw new Error("not sealed");
  return { epk: { kty, crv, x, y }, purpose };
}

function bytes(text: string): Buffer {
  return Buffer.from(text, "base64url");
}
