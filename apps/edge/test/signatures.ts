import { Webhook } from "standardwebhooks";
import type { TargetCall } from "../src/services.ts";

/** For each secret, whether a call bears its signature, as the library of Standard Webhooks makes it. */
export function signaturesOf({ headers, body }: TargetCall, secrets: readonly string[]): boolean[] {
  const at = new Date(Number(headers["webhook-timestamp"]) * 1000);
  const given = (headers["webhook-signature"] ?? "").split(" ");
  return secrets.map((secret) => given.includes(new Webhook(secret).sign(headers["webhook-id"] ?? "", at, body)));
}
