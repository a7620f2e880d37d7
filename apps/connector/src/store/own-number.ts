import type { NodeAtRest } from "./at-rest.ts";

const context = (sessionId: string) => ({ table: "session", column: "phone", id: sessionId });
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** A session's own number as its row keeps it. */
export function sealNumber(atRest: NodeAtRest, sessionId: string, phone: string | null): string | null {
  return phone === null ? null : atRest.sealNow(encoder.encode(phone), context(sessionId));
}

/** Throws when the key that it was sealed under is gone. */
export function openNumber(atRest: NodeAtRest, sessionId: string, sealed: string | null): string | null {
  // Rows of before were not sealed.
  if (sealed === null || sealed.startsWith("+")) return sealed;
  return decoder.decode(atRest.openNow(sealed, context(sessionId)));
}
