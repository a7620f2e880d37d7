import { AppError } from "@sandi/contracts";
import type { Context, Handler } from "hono";
import type { Forward } from "../fleet/forward.ts";
import { type HttpEnv, readBody } from "../http.ts";
import type { LiveSession } from "../session/live.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import { tokenIn, type Tokens } from "./token.ts";

interface Rpc<Input, Output> {
  path: string;
  request: { parse(value: unknown): Input };
  response: { parse(value: unknown): Output };
}

/** Makes the handler of a question of the edge: what it did not sign or has another shape is refused, and it is answered by the connector that owns the session. */
export type AnswerRpc = <Input extends { sessionId: string }, Output>(
  rpc: Rpc<Input, Output>,
  answer: (live: LiveSession, input: Input) => Promise<Output> | Output,
  how?: How,
) => Handler<HttpEnv>;

interface How {
  /** It neither changes anything nor tells a secret: answered also when the database takes no writes. */
  isHarmless?: boolean;
}

interface Options {
  tokens: Tokens;
  forward: Pick<Forward, "toOwner">;
  supervisor: Pick<Supervisor, "find">;
}

const maxBytes = 16 * 1024;

export function createRpc({ tokens, forward, supervisor }: Options): AnswerRpc {
  return (rpc, answer, { isHarmless = false } = {}) =>
    async (c: Context<HttpEnv>) => {
      const request = c.req.raw;
      const given = tokenIn(request.headers);
      const body = await readBody(request, maxBytes);
      const token = await tokens.check(given, { method: request.method, path: rpc.path, body });
      const input = parse(rpc.request, body);
      const elsewhere = await forward.toOwner({ request, body }, input.sessionId);
      if (elsewhere) return elsewhere;
      const live = supervisor.find(input.sessionId);
      if (!live) throw new AppError("session-not-found");
      // By its owner alone, for a forwarded call comes with the token of the first. It may have been answered by an owner of before.
      if (!isHarmless) await tokens.spend(token);
      return c.json(rpc.response.parse(await answer(live, input)) as object);
    };
}

function parse<Input>(schema: { parse(value: unknown): Input }, body: string): Input {
  try {
    return schema.parse(JSON.parse(body));
  } catch (cause) {
    throw new AppError(cause instanceof SyntaxError ? "invalid-json" : "invalid-request", { cause });
  }
}
