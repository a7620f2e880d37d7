import { E164 } from "@sandi/contracts";
import type { NodeAtRest } from "@sandi/crypto/node";
import { sealedColumn } from "./sealed-column.ts";

/** For `phone` and `account`, which hold the same sealed text. */
export const sessionPhone = sealedColumn("session", "phone");

/** Seals a session's own number for its row. */
export function sealNumber(atRest: NodeAtRest, sessionId: string, phone: string | null): string | null {
  return phone === null ? null : sessionPhone.sealNow(atRest, phone, sessionId);
}

/** Null for a text that is no number, such as `+` alone: the session is not linked. Throws when the key is missing. */
export function openNumber(atRest: NodeAtRest, sessionId: string, sealed: string | null): string | null {
  if (sealed === null) return null;
  // Rows written before numbers were sealed are plaintext.
  const number = sealed.startsWith("+") ? sealed : sessionPhone.openNow(atRest, sealed, sessionId);
  return E164.safeParse(number).success ? number : null;
}
