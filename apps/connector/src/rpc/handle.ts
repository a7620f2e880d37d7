import { AppError, type ErrorExtras, type Rpc, type RpcError } from "@sandi/contracts";
import type { z } from "zod";
import type { LiveSession } from "../session/live.ts";

/** Makes the error for a refusal: one that the call names, or `connector-unavailable`, which every call may answer. */
type Refuse<Call extends Rpc> = (code: RpcError<Call> | "connector-unavailable", extras?: ErrorExtras) => AppError;

/** One request of the edge, at the connector that owns the session. */
interface Received<Call extends Rpc> {
  live: LiveSession;
  input: z.output<Call["request"]>;
  refuse: Refuse<Call>;
}

/** A call and what answers it. */
export interface HandledRpc {
  rpc: Rpc;
  answer: (live: LiveSession, input: unknown) => Promise<unknown>;
}

/** Answers a call of the edge. A handler refuses only with the errors that the call names. */
export function handle<Call extends Rpc>(
  rpc: Call,
  handler: (received: Received<Call>) => Promise<z.output<Call["response"]>> | z.output<Call["response"]>,
): HandledRpc {
  const mayRefuseWith = new Set<string>([...rpc.errors, "connector-unavailable"]);
  return {
    rpc,
    async answer(live, input) {
      try {
        return await handler({
          live,
          input: input as z.output<Call["request"]>,
          refuse: (code, extras) => new AppError(code, extras),
        });
      } catch (error) {
        if (!(error instanceof AppError) || mayRefuseWith.has(error.code)) throw error;
        throw new Error(`${rpc.path} does not name the error ${error.code}`, { cause: error });
      }
    },
  };
}

/** The session's socket; refuses while the session is not online. */
export function onlineSocket({
  live,
  refuse,
}: {
  live: LiveSession;
  refuse: (code: "session-not-online") => AppError;
}) {
  const socket = live.online();
  if (!socket) throw refuse("session-not-online");
  return socket;
}
