import { AppError, PairingCodeRpc, QrRpc } from "@sandi/contracts";
import { Hono } from "hono";
import type { HttpEnv } from "../http.ts";
import type { AnswerRpc } from "./request.ts";

/** What the edge asks of sessions and needs answered now. */
export function sessionRpc(rpc: AnswerRpc): Hono<HttpEnv> {
  return new Hono<HttpEnv>()
    .post(
      QrRpc.path,
      rpc(QrRpc, ({ session, qr }) => ({ state: session.machine.state, qr: qr() })),
    )
    .post(
      PairingCodeRpc.path,
      rpc(PairingCodeRpc, async (live, { phone }) => {
        const code = await live.connection.pairingCode(phone);
        if (!code) throw new AppError("session-not-pairing");
        return code;
      }),
    );
}
