import { z } from "zod";
import { E164 } from "../../api/common.ts";
import { LiveHealth } from "../../api/session-health.ts";
import { PairingCode, SessionQr, SessionState } from "../../api/sessions.ts";
import { SessionId } from "../../ids.ts";
import { defineRpc } from "./rpc.ts";

/** The QR code that the session shows now; null unless the session is `pairing`. */
export const QrRpc = defineRpc({
  path: "/rpc/sessions/qr",
  request: z.strictObject({ sessionId: SessionId }),
  response: z.object({ state: SessionState, qr: SessionQr.nullable() }),
  errors: [],
});

/**
 * A code to type on the phone in place of a scan. `phone` has WhatsApp's own spelling of the account, because no session
 * is linked yet that could look it up.
 */
export const PairingCodeRpc = defineRpc({
  path: "/rpc/sessions/pairing-code",
  request: z.strictObject({ sessionId: SessionId, phone: E164 }),
  response: PairingCode,
  errors: ["session-not-pairing"],
});

/** Facts that only the owner of a session knows. The connector pings WhatsApp for the round-trip time. */
export const HealthRpc = defineRpc({
  path: "/rpc/sessions/health",
  request: z.strictObject({ sessionId: SessionId }),
  response: LiveHealth,
  errors: [],
  isHarmless: true,
});
