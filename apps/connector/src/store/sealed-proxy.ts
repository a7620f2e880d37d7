import type { NodeAtRest } from "@sandi/crypto/node";

const context = (sessionId: string) => ({ table: "session", column: "proxy", id: sessionId });

/** A session's proxy, with its credentials, as its row keeps it. */
export function sealProxy(atRest: NodeAtRest, sessionId: string, url: string): string {
  return atRest.sealNow(new TextEncoder().encode(url), context(sessionId));
}

/** Throws when the key that it was sealed under is gone: the session must not go without. */
export function openProxy(atRest: NodeAtRest, sessionId: string, sealed: string | null): string | null {
  return sealed === null ? null : new TextDecoder().decode(atRest.openNow(sealed, context(sessionId)));
}
