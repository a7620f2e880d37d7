import {
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type JsonWebKeyInput,
} from "node:crypto";
import { derivation, type Unsealer } from "../sealing.ts";

/** Edges use an ephemeral key for a minute. More edges than this agree again for each value, which is slower. */
const mostAgreed = 256;

/**
 * `createUnsealer` on Node's own functions, at a quarter of the CPU: the connector opens every message once. Keys that it
 * agreed with edges are remembered, which reveals nothing: they follow from the private key and the values.
 * @param privateJwk the JSON text of the P-256 private key
 */
export function createNodeUnsealer(privateJwk: string): Unsealer {
  const privateKey = createPrivateKey({ key: JSON.parse(privateJwk) as JsonWebKeyInput["key"], format: "jwk" });
  /** By ephemeral key, oldest first. */
  const agreed = new Map<string, Buffer>();

  function agree(epk: Header["epk"]): Buffer {
    const secret = diffieHellman({ privateKey, publicKey: createPublicKey({ key: epk, format: "jwk" }) });
    return createHash("sha256").update(derivation.before).update(secret).update(derivation.behind).digest();
  }

  function remember(name: string, key: Buffer): void {
    if (agreed.size >= mostAgreed) agreed.delete(agreed.keys().next().value ?? "");
    agreed.set(name, key);
  }

  return async (sealed) => {
    const [protectedHeader, encryptedKey, iv, ciphertext, tag, ...rest] = sealed.split(".");
    if (!protectedHeader || encryptedKey !== "" || !iv || !ciphertext || !tag || rest.length > 0)
      throw new Error("not sealed");
    const { epk, purpose } = readHeader(protectedHeader);
    const name = `${epk.x}.${epk.y}`;
    const known = agreed.get(name);
    const key = known ?? agree(epk);
    const decipher = createDecipheriv("aes-256-gcm", key, bytes(iv), { authTagLength: 16 });
    decipher.setAAD(Buffer.from(protectedHeader)).setAuthTag(bytes(tag));
    const text = Buffer.concat([decipher.update(bytes(ciphertext)), decipher.final()]).toString();
    // Only now, because a value that does not open must not push out keys in use.
    if (!known) remember(name, key);
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
