import type { z } from "zod";
import type { ErrorCode } from "../../errors.ts";

/**
 * One call of the edge to the connector that owns a session. A problem that `errors` names reaches the caller of the API.
 * Any other failure of the connector, `session-not-found` included, is `connector-unavailable` to the caller.
 */
export interface Rpc<
  Request extends z.ZodObject = z.ZodObject,
  Response extends z.ZodType = z.ZodType,
  Code extends ErrorCode = ErrorCode,
> {
  /** Where the edge posts it, below the connector's URL. */
  readonly path: `/rpc/${string}`;
  readonly request: Request;
  readonly response: Response;
  readonly errors: readonly Code[];
  /** The call changes nothing and its answer holds no secret, so a reused token does no harm when the database is down. */
  readonly isHarmless?: true;
  /** The error when no answer comes: the call may have been carried out. Without it: `connector-unavailable`. */
  readonly unanswered?: "outcome-unknown";
  /** How long the edge waits for the answer, where it is longer than usual. */
  readonly timeoutMs?: number;
  /** The largest body, where it is larger than usual. */
  readonly maxBytes?: number;
}

/** The errors of every call that WhatsApp answers. */
export const ofWhatsApp = ["session-not-online", "whatsapp-rate-limited", "whatsapp-refused"] as const;

/** An error that the call names. */
export type RpcError<Call extends Rpc> = Call["errors"][number];

/** Derives the types of a call from its definition. Its request names the session as `sessionId`. */
export const defineRpc = <
  Request extends z.ZodObject & z.ZodType<{ sessionId: string }>,
  Response extends z.ZodType,
  const Code extends ErrorCode,
>(
  rpc: Rpc<Request, Response, Code>,
): Rpc<Request, Response, Code> => rpc;
