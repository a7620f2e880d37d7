import { AppError, errors, type ErrorCode } from "@sandi/contracts";
import type { z } from "zod";
import type { Services } from "../services.ts";

interface Rpc<Request extends z.ZodType, Response extends z.ZodType> {
  path: string;
  request: Request;
  response: Response;
}

/** Asks a connector; its own problems are passed on, silence is `connector-unavailable`. */
export async function ask<Request extends z.ZodType, Response extends z.ZodType>(
  { callConnector }: Services,
  rpc: Rpc<Request, Response>,
  body: z.input<Request>,
): Promise<z.output<Response>> {
  const answer = await callConnector(rpc.path, body);
  if (answer && answer.status === 200) {
    const result = rpc.response.safeParse(answer.body);
    if (result.success) return result.data;
  }
  const { code, retryAfter } = (answer?.body ?? {}) as { code?: unknown; retryAfter?: unknown };
  if (isPassedOn(code)) throw new AppError(code, typeof retryAfter === "number" ? { retryAfter } : {});
  throw new AppError("connector-unavailable", { retryAfter: 5 });
}

/** What a connector may say about a session; everything else is its own trouble. */
const isPassedOn = (code: unknown): code is ErrorCode =>
  typeof code === "string" &&
  code in errors &&
  ["session-not-pairing", "session-ended", "session-not-online", "lookups-exhausted"].includes(code);
