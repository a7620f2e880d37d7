import { createHash } from "node:crypto";
import { jwtVerify } from "jose";
import type { Config } from "../config.ts";

/** True when QStash signed this body for this address, with the current or the next key. */
export type CheckSignature = (signature: string, url: string, body: string) => Promise<boolean>;

export function createSignatureCheck({ currentSigningKey, nextSigningKey }: Config["qstash"], now: () => Date): CheckSignature {
  const keys = [currentSigningKey, nextSigningKey].map((key) => new TextEncoder().encode(key));
  return async (signature, url, body) => {
    const hash = createHash("sha256").update(body).digest("base64url");
    for (const key of keys) {
      try {
        const { payload } = await jwtVerify(signature, key, {
          algorithms: ["HS256"],
          issuer: "Upstash",
          subject: url,
          currentDate: now(),
          clockTolerance: 5,
          requiredClaims: ["exp", "nbf", "sub", "body"],
        });
        return String(payload["body"]).replace(/=+$/, "") === hash;
      } catch {
        // The other key may fit.
      }
    }
    return false;
  };
}
