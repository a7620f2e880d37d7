import type { AppError, ErrorExtras, ofWhatsApp } from "@sandi/contracts";
import { Refused } from "../baileys/answered.ts";
import { NoAnswer, secondsUntil } from "../baileys/no-answer.ts";
import type { WhatsAppSocket } from "../baileys/socket.ts";
import type { LiveSession } from "../session/live.ts";
import { onlineSocket } from "./handle.ts";

interface Received<Code> {
  live: LiveSession;
  refuse: (code: Code | (typeof ofWhatsApp)[number] | "connector-unavailable", extras?: ErrorExtras) => AppError;
}

const rateLimitSeconds = 60;

/**
 * Lets WhatsApp answer, through the session's socket.
 * @param named the errors for the codes with which WhatsApp refuses this call; any other is `whatsapp-refused`
 */
export async function askWhatsApp<Output, Code>(
  { live, refuse }: Received<Code>,
  ask: (socket: WhatsAppSocket) => Promise<Output>,
  named: Record<number, Code> = {},
): Promise<Output> {
  const socket = onlineSocket({ live, refuse });
  try {
    return await ask(socket);
  } catch (cause) {
    if (cause instanceof Refused) {
      const { code: whatsappCode } = cause;
      const code = named[whatsappCode];
      if (code !== undefined) throw refuse(code, { whatsappCode, cause });
      if (whatsappCode !== 429) throw refuse("whatsapp-refused", { whatsappCode, cause });
      throw refuse("whatsapp-rate-limited", { whatsappCode, retryAfter: rateLimitSeconds, cause });
    }
    if (!(cause instanceof NoAnswer)) throw cause;
    if (live.online() !== socket) throw refuse("session-not-online", { cause });
    throw refuse("connector-unavailable", {
      detail: "WhatsApp did not answer.",
      retryAfter: secondsUntil(cause),
      cause,
    });
  }
}
