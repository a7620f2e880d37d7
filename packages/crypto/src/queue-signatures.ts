import { jwtVerify } from "jose";
import { base64url, sha256, utf8 } from "./bytes.ts";

/** Whether QStash signed this body for this address, with one of its keys. */
export type QueueCheck = (signature: string, url: string, body: string) => Promise<boolean>;

/** How far the clocks of QStash and of this machine may be apart. */
export const toleranceSeconds = 5;

/** Checks the JWT in `Upstash-Signature`: HS256, with the current or the next key. */
export function createQueueCheck(signingKeys: readonly string[], now: () => Date): QueueCheck {
  const keys = signingKeys.map(utf8);
  return async (signature, url, body) => {
    for (const key of keys) {
      const verified = await jwtVerify(signature, key, {
        algorithms: ["HS256"],
        issuer: "Upstash",
        subject: url,
        currentDate: now(),
        clockTolerance: toleranceSeconds,
        requiredClaims: ["exp", "nbf", "body"],
      }).catch(() => undefined);
      if (!verified) continue;
      const { body: hash } = verified.payload;
      return typeof hash === "string" && hash.replace(/=+$/, "") === base64url(await sha256(utf8(body)));
    }
    return false;
  };
}
