import { AppError } from "@sandi/contracts";
import { Hono } from "hono";
import type { Forward } from "../fleet/forward.ts";
import { type HttpEnv, readBody } from "../http.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import type { HandledRpc } from "./handle.ts";
import { tokenIn, type Tokens } from "./token.ts";

interface Options {
  tokens: Tokens;
  forward: Pick<Forward, "toOwner">;
  supervisor: Pick<Supervisor, "find">;
}

const maxBytes = 16 * 1024;

/** The routes of the calls: the edge's signature is checked, and the connector that owns the session answers. */
export function rpcRoutes(calls: HandledRpc[], { tokens, forward, supervisor }: Options): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  for (const { rpc, answer } of calls) {
    app.post(rpc.path, async (c) => {
      const request = c.req.raw;
      const given = tokenIn(request.headers);
      const body = await readBody(request, maxBytes);
      const token = await tokens.check(given, { method: request.method, path: rpc.path, body });
      const input = parse(rpc.request, body);
      const { sessionId } = input as { sessionId: string };
      const elsewhere = await forward.toOwner({ request, body }, sessionId);
      if (elsewhere) return elsewhere;
      const live = supervisor.find(sessionId);
      if (!live) throw new AppError("session-not-found");
      // Only the owner spends the token: a forwarded call carries the token of the first connector. A previous owner may
      // have spent it.
      if (!rpc.isHarmless) await tokens.spend(token);
      return c.json(rpc.response.parse(await answer(live, input)) as object);
    });
  }
  return app;
}

function parse<Input>(schema: { parse(value: unknown): Input }, body: string): Input {
  try {
    return schema.parse(JSON.parse(body));
  } catch (cause) {
    throw new AppError(cause instanceof SyntaxError ? "invalid-json" : "invalid-request", { cause });
  }
}
