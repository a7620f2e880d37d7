import { HealthRpc, PairingCodeRpc, QrRpc } from "@sandi/contracts";
import type { Services } from "../services.ts";
import type { LiveSession } from "../session/live.ts";
import { outboxDepthOf } from "../store/outbox.ts";
import type { Store } from "../store/store.ts";
import { handle, type HandledRpc } from "./handle.ts";

const probeMs = 2000;

/** The calls about a session itself: how it is linked, and how it is now. */
export function sessionCalls(services: Pick<Services, "now">, store: Store): HandledRpc[] {
  async function roundTrip(live: LiveSession): Promise<number | null> {
    const socket = live.online();
    if (!socket) return null;
    const asked = services.now().getTime();
    return (await socket.probe(probeMs)) ? services.now().getTime() - asked : null;
  }

  return [
    handle(QrRpc, ({ live }) => ({ state: live.session.machine.state, qr: live.qr() })),
    handle(PairingCodeRpc, async ({ live, input, refuse }) => {
      const code = await live.connection.pairingCode(input.phone);
      if (!code) throw refuse("session-not-pairing");
      return code;
    }),
    handle(HealthRpc, async ({ live, input }) => {
      const [roundTripMs, outbox] = await Promise.all([roundTrip(live), outboxDepthOf(store, input.sessionId)]);
      const { heardAt, sending } = live.connection.signs();
      return { heardAt: heardAt?.toISOString() ?? null, roundTripMs, sending, outbox };
    }),
  ];
}
