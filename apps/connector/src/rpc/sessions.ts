import { AppError, PairingCodeRpc, QrRpc } from "@sandi/contracts";
import { Hono } from "hono";
import { readBody, type HttpEnv } from "../http.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import type { CheckToken } from "./token.ts";

const maxBytes = 16 * 1024;

/** What the edge asks of sessions and needs answered now. */
export function sessionRpc(checkToken: CheckToken, supervisor: Supervisor): Hono<HttpEnv> {
  function find(sessionId: string) {
    const live = supervisor.find(sessionId);
    if (!live) throw new AppError("session-not-found");
    return live;
  }

  return new Hono<HttpEnv>()
    .post(QrRpc.path, async (c) => {
      const body = await readBody(c.req.raw, maxBytes);
      await checkToken(c.req.raw, QrRpc.path, body);
      const { sessionId } = parse(QrRpc.request, body);
      const { session, qr } = find(sessionId);
      return c.json(QrRpc.response.parse({ state: session.machine.state, qr: qr() }));
    })
    .post(PairingCodeRpc.path, async (c) => {
      const body = await readBody(c.req.raw, maxBytes);
      await checkToken(c.req.raw, PairingCodeRpc.path, body);
      const { sessionId, phone } = parse(PairingCodeRpc.request, body);
      const code = await find(sessionId).pairingCode(phone);
      if (!code) throw new AppError("session-not-pairing");
      return c.json(PairingCodeRpc.response.parse(code));
    });
}

function parse<T>(schema: { parse(value: unknown): T }, body: string): T {
  try {
    return schema.parse(JSON.parse(body));
  } catch (cause) {
    throw new AppError(cause instanceof SyntaxError ? "invalid-json" : "invalid-request", { cause });
  }
}
