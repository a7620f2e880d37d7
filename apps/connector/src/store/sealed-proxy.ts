import type { NodeAtRest } from "@sandi/crypto/node";

const context = (sessionId: string) => ({ table: "session", column: "proxy", id: sessionId });

/** Seals a session's proxy URL, with its credentials, for its row. */
export function sealProxy(atRest: NodeAtRest, sessionId: string, url: string): string {
  return atRest.sealNow(new TextEncoder().encode(url), context(sessionId));
}

/** Throws when the key is missing: the session must not connect without its proxy. */
export function openProxy(atRest: NodeAtRest, sessionId: string, sealed: string | null): string | null {
  return sealed === null ? null : new TextDecoder().decode(atRest.openNow(sealed, context(sessionId)));
}
