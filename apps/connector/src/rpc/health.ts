import { HealthRpc } from "@sandi/contracts";
import { Hono } from "hono";
import type { HttpEnv } from "../http.ts";
import type { Services } from "../services.ts";
import type { LiveSession } from "../session/live.ts";
import { outboxDepthOf } from "../store/outbox.ts";
import type { Store } from "../store/store.ts";
import type { AnswerRpc } from "./request.ts";

const probeMs = 2000;

/** How a session is at this moment: what only its owner can tell. */
export function healthRpc(rpc: AnswerRpc, services: Pick<Services, "now">, store: Store): Hono<HttpEnv> {
  async function roundTrip(live: LiveSession): Promise<number | null> {
    const socket = live.online();
    if (!socket) return null;
    const asked = services.now().getTime();
    return (await socket.probe(probeMs)) ? services.now().getTime() - asked : null;
  }

  return new Hono<HttpEnv>().post(
    HealthRpc.path,
    rpc(
      HealthRpc,
      async (live, { sessionId }) => {
        const [roundTripMs, outbox] = await Promise.all([roundTrip(live), outboxDepthOf(store, sessionId)]);
        const { heardAt, sending } = live.connection.signs();
        return { heardAt: heardAt?.toISOString() ?? null, roundTripMs, sending, outbox };
      },
      { isHarmless: true },
    ),
  );
}
