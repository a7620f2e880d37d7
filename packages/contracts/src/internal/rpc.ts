import { z } from "zod";
import { PairingCode, SessionQr, SessionState } from "../api/sessions.ts";
import { LiveHealth } from "../api/session-health.ts";
import { AccountNumber, E164 } from "../api/common.ts";
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
 * `POST {connector}/rpc/sessions/pairing-code`: a code to type on the phone in place of a scan. `phone` is in
 * WhatsApp's own spelling of the account: no session is linked yet that could look it up.
 * Errors: `session-not-found`, `session-not-pairing`.
 */
export const PairingCodeRpc = {
  path: "/rpc/sessions/pairing-code",
  request: z.strictObject({ sessionId: SessionId, phone: E164 }),
  response: PairingCode,
} as const;

/**
 * `POST {connector}/rpc/sessions/health`: what only the session's owner knows; it asks WhatsApp for a sign of life.
 * Errors: `session-not-found`.
 */
export const HealthRpc = {
  path: "/rpc/sessions/health",
  request: z.strictObject({ sessionId: SessionId }),
  response: LiveHealth,
} as const;

/**
 * `POST {connector}/rpc/numbers/reachable`: which of these numbers have a WhatsApp account, from what is known or asked
 * of WhatsApp through this session; null where WhatsApp did not say. In the order of the request.
 * Errors: `session-not-found`, `session-not-online`, `lookups-exhausted`.
 */
export const ReachabilityRpc = {
  path: "/rpc/numbers/reachable",
  request: z.strictObject({ sessionId: SessionId, numbers: z.array(AccountNumber).min(1).max(50) }),
  response: z.object({ results: z.array(z.object({ number: E164, isOnWhatsApp: z.boolean().nullable() })) }),
} as const;
