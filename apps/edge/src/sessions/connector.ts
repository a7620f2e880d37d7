import { AppError, type ErrorCode, type Rpc } from "@sandi/contracts";
import type { z } from "zod";
import type { Services } from "../services.ts";

/** Makes a call to the connector: an error that the call names is passed on, any other is `connector-unavailable`. */
export async function ask<Request extends z.ZodObject, Response extends z.ZodType, Code extends ErrorCode>(
  { callConnector }: Pick<Services, "callConnector">,
  rpc: Rpc<Request, Response, Code>,
  body: z.input<Request>,
): Promise<z.output<Response>> {
  const answer = await callConnector(rpc.path, body);
  if (answer && answer.status === 200) {
    const result = rpc.response.safeParse(answer.body);
    if (result.success) return result.data;
  }
  const { code, retryAfter } = (answer?.body ?? {}) as { code?: unknown; retryAfter?: unknown };
  const named = rpc.errors.find((each) => each === code);
  if (named) throw new AppError(named, typeof retryAfter === "number" ? { retryAfter } : {});
  throw new AppError("connector-unavailable", { retryAfter: 5 });
}
