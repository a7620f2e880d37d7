import { z } from "zod";
import { AccountNumber, E164 } from "../../api/common.ts";
import { SessionId } from "../../ids.ts";
import { defineRpc } from "./rpc.ts";

/**
 * Which of these numbers have a WhatsApp account, in the order of the request. The connector knows it or asks WhatsApp
 * through the session; `isOnWhatsApp` is null where WhatsApp did not say.
 */
export const ReachabilityRpc = defineRpc({
  path: "/rpc/numbers/reachable",
  request: z.strictObject({ sessionId: SessionId, numbers: z.array(AccountNumber).min(1).max(50) }),
  response: z.object({ results: z.array(z.object({ number: E164, isOnWhatsApp: z.boolean().nullable() })) }),
  errors: ["session-not-online", "lookups-exhausted"],
});
