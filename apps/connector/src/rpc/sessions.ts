import { AppError, PairingCodeRpc, QrRpc } from "@sandi/contracts";
import { Hono } from "hono";
import type { HttpEnv } from "../http.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import { liveSession, type ReadRpc } from "./request.ts";

/** What the edge asks of sessions and needs answered now. */
export function sessionRpc(read: ReadRpc, supervisor: Pick<Supervisor, "find">): Hono<HttpEnv> {
  return new Hono<HttpEnv>()
    .post(QrRpc.path, async (c) => {
      const { sessionId } = await read(c.req.raw, QrRpc);
      const { session, qr } = liveSession(supervisor, sessionId);
      return c.json(QrRpc.response.parse({ state: session.machine.state, qr: qr() }));
    })
    .post(PairingCodeRpc.path, async (c) => {
      const { sessionId, phone } = await read(c.req.raw, PairingCodeRpc);
      const code = await liveSession(supervisor, sessionId).pairingCode(phone);
      if (!code) throw new AppError("session-not-pairing");
      return c.json(PairingCodeRpc.response.parse(code));
    });
}
