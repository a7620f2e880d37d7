import { AppError } from "@sandi/contracts";
import type { Forward } from "../fleet/forward.ts";
import { json, type Route } from "../http.ts";
import { findSession } from "../store/sessions.ts";
import type { Store } from "../store/store.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import type { HandledRpc } from "./handle.ts";
import { tokenIn, type Tokens } from "./token.ts";

interface Options {
  tokens: Tokens;
  forward: Pick<Forward, "toOwner">;
  supervisor: Pick<Supervisor, "find">;
  store: Store;
}

const maxBytes = 16 * 1024;

/** The routes of the calls: the edge's signature is checked, and the connector that owns the session answers. */
export function rpcRoutes(calls: HandledRpc[], { tokens, forward, supervisor, store }: Options): Route[] {
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
      if (!live) throw await notHere(store, sessionId);
      // Only the owner spends the token: a forwarded call carries the token of the first connector. A previous owner may
      // have spent it.
      if (!rpc.isHarmless) await tokens.spend(token);
      return json(200, rpc.response.parse(await answer(live, input)));
    },
  }));
}

/** A session that is stored gets an owner soon; one that is not has nothing to ask about. */
async function notHere(store: Store, sessionId: string): Promise<AppError> {
  const session = await findSession(store, sessionId);
  if (!session || session.isGone) return new AppError("session-not-found");
  return new AppError("connector-unavailable", { detail: "No connector owns the session now.", retryAfter: 5 });
}

function parse<Input>(schema: { parse(value: unknown): Input }, body: string): Input {
  try {
    return schema.parse(JSON.parse(body));
  } catch (cause) {
    throw new AppError(cause instanceof SyntaxError ? "invalid-json" : "invalid-request", { cause });
  }
}
