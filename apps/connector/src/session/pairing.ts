import type { PairingCode, SessionQr } from "@sandi/contracts";
import type { WhatsAppSocket } from "../baileys/socket.ts";
import type { Services } from "../services.ts";
import type { Session } from "./session.ts";

/** Links a session to a phone: the user scans the QR code, or types a pairing code. */
export interface Pairing {
  /** A socket has received a QR code. */
  qr(socket: number, qr: string, lifetimeMs: number): void;
  /** Null unless the session shows QR codes. A second call for the same phone and socket returns the same code. */
  code(phone: string): Promise<PairingCode | null>;
}

interface Options {
  services: Pick<Services, "now">;
  session: () => Session;
  /** The current socket of the machine. */
  socket: () => WhatsAppSocket | null;
}

/** A socket gets six QR codes. The first one can live longer than the others. */
const laterQrs = 5;
const laterQrMs = 20_000;

export function createPairing({ services, session, socket }: Options): Pairing {
  let endsAt = 0;
  let asking: Promise<unknown> = Promise.resolve();
  /** The latest code. WhatsApp accepts no earlier one, and each new code shows another prompt on the phone. */
  let latest: { socket: WhatsAppSocket; phone: string; code: PairingCode } | undefined;

  /** Sets the QR code after the machine has handled its event. */
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
