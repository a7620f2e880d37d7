import type { AppError, ErrorExtras, ofWhatsApp } from "@sandi/contracts";
import { Refused } from "../baileys/answered.ts";
import { NoAnswer, secondsUntil } from "../baileys/no-answer.ts";
import type { WhatsAppSocket } from "../baileys/socket.ts";
import type { LiveSession } from "../session/live.ts";
import type { Services } from "../services.ts";
import { onlineSocket } from "./handle.ts";

interface Received<Code> {
  live: LiveSession;
  refuse: (code: Code | (typeof ofWhatsApp)[number] | "connector-unavailable", extras?: ErrorExtras) => AppError;
}

const rateLimitSeconds = 60;
/** WhatsApp bans accounts that ask too much. */
const perMinute = 20;
const minuteMs = 60_000;

/** Counts the requests of each session, for all calls together. */
export function createAskWhatsApp({ now }: Pick<Services, "now">) {
  const windows = new WeakMap<LiveSession, { until: number; asked: number }>();

  /** Seconds until the session may ask again; 0 if it may ask now. */
  function waitOf(live: LiveSession): number {
    const at = now().getTime();
    const known = windows.get(live);
    const window = known && known.until > at ? known : { until: at + minuteMs, asked: 0 };
    windows.set(live, window);
    window.asked += 1;
    return window.asked <= perMinute ? 0 : Math.ceil((window.until - at) / 1000);
  }

  /**
   * Lets WhatsApp answer, through the session's socket.
   * @param named the errors for the codes with which WhatsApp refuses this call; any other is `whatsapp-refused`
   */
  return async function askWhatsApp<Output, Code>(
    { live, refuse }: Received<Code>,
    ask: (socket: WhatsAppSocket) => Promise<Output>,
    named: Record<number, Code> = {},
  ): Promise<Output> {
    const socket = onlineSocket({ live, refuse });
    const retryAfter = waitOf(live);
    if (retryAfter > 0) throw refuse("whatsapp-rate-limited", { retryAfter });
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
  };
}
