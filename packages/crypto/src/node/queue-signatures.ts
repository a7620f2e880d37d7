import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { toleranceSeconds } from "../queue-signatures.ts";

/** Whether QStash signed this body for this address, with one of its keys. */
export type NodeQueueCheck = (signature: string, url: string, body: string) => boolean;

/**
 * `createQueueCheck` on Node's own HMAC. jose's WebCrypto calls cost ten times as much, and every message passes here.
 */
export function createNodeQueueCheck(signingKeys: readonly string[], now: () => Date): NodeQueueCheck {
  return (signature, url, body) => {
    const [header, payload, mac, ...rest] = signature.split(".");
    if (!header || !payload || !mac || rest.length > 0) return false;
    if (!signingKeys.some((key) => isMacOf(key, `${header}.${payload}`, mac))) return false;
    if (decode(header)?.["alg"] !== "HS256") return false;
    const { iss, sub, exp, nbf, body: hash } = decode(payload) ?? {};
    if (iss !== "Upstash" || sub !== url) return false;
    if (typeof exp !== "number" || typeof nbf !== "number" || typeof hash !== "string") return false;
    const seconds = now().getTime() / 1000;
    if (seconds > exp + toleranceSeconds || seconds < nbf - toleranceSeconds) return false;
    return hash.replace(/=+$/, "") === createHash("sha256").update(body).digest("base64url");
  };
}

function isMacOf(key: string, text: string, mac: string): boolean {
  const expected = createHmac("sha256", key).update(text).digest();
  const given = Buffer.from(mac, "base64url");
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function decode(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString());
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
