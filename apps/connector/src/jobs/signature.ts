import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import type { Config } from "../config.ts";

/** True when QStash signed this body for this address, with the current or the next key. */
export type CheckSignature = (signature: string, url: string, body: string) => boolean;

const Header = z.object({ alg: z.literal("HS256") });
const Claims = z.object({
  iss: z.literal("Upstash"),
  sub: z.string(),
  exp: z.number(),
  nbf: z.number(),
  body: z.string(),
});

const toleranceSeconds = 5;

/**
 * Verifies the JWT in `Upstash-Signature`: HS256 and nothing else. By hand and not by jose, whose WebCrypto calls cost
 * ten times as much on the way of every message.
 */
export function createSignatureCheck(
  { currentSigningKey, nextSigningKey }: Config["qstash"],
  now: () => Date,
): CheckSignature {
  const keys = [currentSigningKey, nextSigningKey];
  return (signature, url, body) => {
    const [header, payload, mac, ...rest] = signature.split(".");
    if (!header || !payload || !mac || rest.length > 0) return false;
    if (!keys.some((key) => isMacOf(key, `${header}.${payload}`, mac))) return false;
    if (!Header.safeParse(decode(header)).success) return false;
    const claims = Claims.safeParse(decode(payload));
    if (!claims.success) return false;
    const { sub, exp, nbf, body: hash } = claims.data;
    const seconds = now().getTime() / 1000;
    if (sub !== url || seconds > exp + toleranceSeconds || seconds < nbf - toleranceSeconds) return false;
    return hash.replace(/=+$/, "") === createHash("sha256").update(body).digest("base64url");
  };
}

function isMacOf(key: string, text: string, mac: string): boolean {
  const expected = createHmac("sha256", key).update(text).digest();
  const given = Buffer.from(mac, "base64url");
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function decode(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString());
  } catch {
    return undefined;
  }
}
