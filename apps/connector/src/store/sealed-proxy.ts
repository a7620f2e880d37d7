import type { NodeAtRest } from "@sandi/crypto/node";
import { sealedColumn } from "./sealed-column.ts";

export const sessionProxy = sealedColumn("session", "proxy");

/** Seals a session's proxy URL, with its credentials, for its row. */
export function sealProxy(atRest: NodeAtRest, sessionId: string, url: string): string {
  return sessionProxy.sealNow(atRest, url, sessionId);
}

/** Throws when the key is missing: the session must not connect without its proxy. */
export function openProxy(atRest: NodeAtRest, sessionId: string, sealed: string | null): string | null {
  return sealed === null ? null : sessionProxy.openNow(atRest, sealed, sessionId);
}
