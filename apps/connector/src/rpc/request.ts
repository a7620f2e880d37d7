import { AppError } from "@sandi/contracts";
import { readBody } from "../http.ts";
import type { LiveSession } from "../session/live.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import type { CheckToken } from "./token.ts";

interface Rpc<Input> {
  path: string;
  request: { parse(value: unknown): Input };
}

/** Reads what the edge asks; rejects what it did not sign or what has another shape. */
export type ReadRpc = <Input>(request: Request, rpc: Rpc<Input>) => Promise<Input>;

const maxBytes = 16 * 1024;

export function createRpcReader(checkToken: CheckToken): ReadRpc {
  return async (request, { path, request: schema }) => {
    const body = await readBody(request, maxBytes);
    await checkToken(request, path, body);
    try {
      return schema.parse(JSON.parse(body));
    } catch (cause) {
      throw new AppError(cause instanceof SyntaxError ? "invalid-json" : "invalid-request", { cause });
    }
  };
}

export function liveSession({ find }: Pick<Supervisor, "find">, sessionId: string): LiveSession {
  const live = find(sessionId);
  if (!live) throw new AppError("session-not-found");
  return live;
}
