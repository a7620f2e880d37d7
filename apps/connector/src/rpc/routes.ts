import { AppError } from "@sandi/contracts";
import type { Forward } from "../fleet/forward.ts";
import { json, type Route } from "../http.ts";
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
export function rpcRoutes(calls: HandledRpc[], { tokens, forward, supervisor }: Options): Route[] {
  return calls.map(({ rpc, answer }) => ({
    path: rpc.path,
    maxBytes: rpc.maxBytes ?? maxBytes,
    proof: tokenIn,
    async answer(incoming) {
      const { body, proof } = incoming;
      const token = await tokens.check(proof, { method: "POST", path: rpc.path, body });
      const input = parse(rpc.request, body);
      const { sessionId } = input as { sessionId: string };
      const elsewhere = await forward.toOwner(incoming, sessionId, rpc);
      if (elsewhere) return elsewhere;
      const live = supervisor.find(sessionId);
      if (!live) throw new AppError("session-not-found");
      // Only the owner spends the token: a forwarded call carries the token of the first connector. A previous owner may
      // have spent it.
      if (!rpc.isHarmless) await tokens.spend(token);
      return json(200, rpc.response.parse(await answer(live, input)));
    },
  }));
}

function parse<Input>(schema: { parse(value: unknown): Input }, body: string): Input {
  try {
    return schema.parse(JSON.parse(body));
  } catch (cause) {
    throw new AppError(cause instanceof SyntaxError ? "invalid-json" : "invalid-request", { cause });
  }
}
