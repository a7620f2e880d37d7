import { z } from "zod";
import { PairingCode, SessionQr, SessionState } from "../api/sessions.ts";
import { E164 } from "../api/common.ts";
import { SessionId } from "../ids.ts";

/**
 * `POST {connector}/rpc/sessions/qr`: the QR code on show. `qr` is null unless the session is `pairing`.
 * Errors: `session-not-found`.
 */
export const QrRpc = {
  path: "/rpc/sessions/qr",
  request: z.strictObject({ sessionId: SessionId }),
  response: z.object({ state: SessionState, qr: SessionQr.nullable() }),
} as const;

/**
 * `POST {connector}/rpc/sessions/pairing-code`: a code to type on the phone in place of a scan.
 * Errors: `session-not-found`, `session-not-pairing`.
 */
export const PairingCodeRpc = {
  path: "/rpc/sessions/pairing-code",
  request: z.strictObject({ sessionId: SessionId, phone: E164 }),
  response: PairingCode,
} as const;
