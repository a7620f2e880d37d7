import type { PairingCode, SessionQr } from "@sandi/contracts";
import type { WhatsAppSocket } from "../baileys/socket.ts";
import type { Services } from "../services.ts";
import type { Session } from "./session.ts";

/** How a session is linked to a phone: by the QR code on show, or by a code that is typed there. */
export interface Pairing {
  /** A socket has a QR code to show. */
  qr(socket: number, qr: string, lifetimeMs: number): void;
  /** Null unless QR codes are on show. A second call for the same phone on the same socket returns the same code. */
  code(phone: string): Promise<PairingCode | null>;
}

interface Options {
  services: Pick<Services, "now">;
  session: () => Session;
  /** The socket that the machine counts on. */
  socket: () => WhatsAppSocket | null;
}

/** A socket has six QR codes, the first of which can live longer than the others. */
const laterQrs = 5;
const laterQrMs = 20_000;

export function createPairing({ services, session, socket }: Options): Pairing {
  let endsAt = 0;
  let asking: Promise<unknown> = Promise.resolve();
  /** The latest code. WhatsApp takes no earlier one, and each new one shows another prompt on the phone. */
  let latest: { socket: WhatsAppSocket; phone: string; code: PairingCode } | undefined;

  /** Once the machine has taken it in. */
  async function show(number: number, shown: SessionQr): Promise<void> {
    await session().idle();
    const { machine } = session();
    if (machine.socket === number && machine.state === "pairing") session().qr = shown;
  }

  async function ask(phone: string): Promise<PairingCode | null> {
    const asked = session().machine.state === "pairing" ? socket() : null;
    if (!asked) return null;
    if (latest?.socket === asked && latest.phone === phone) return latest.code;
    latest = undefined;
    const code = { code: await asked.requestPairingCode(phone.slice(1)), expiresAt: new Date(endsAt).toISOString() };
    latest = { socket: asked, phone, code };
    return code;
  }

  return {
    qr(number, qr, lifetimeMs) {
      const { machine } = session();
      if (machine.socket !== number) return;
      const at = services.now().getTime();
      if (machine.state !== "pairing") endsAt = at + lifetimeMs + laterQrs * Math.min(lifetimeMs, laterQrMs);
      session().post({ type: "qr", socket: number });
      void show(number, { qr, expiresAt: new Date(at + lifetimeMs).toISOString() });
    },
    code(phone) {
      const asked = asking.then(() => ask(phone));
      asking = asked.catch(() => undefined);
      return asked;
    },
  };
}
