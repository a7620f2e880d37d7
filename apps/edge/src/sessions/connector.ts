import { AppError, type ErrorCode, type Rpc } from "@sandi/contracts";
import { z } from "zod";
import type { Services } from "../services.ts";

const longestRetrySeconds = 86_400;

/** The parts of a connector's problem that the caller of the API may see. */
const Refusal = z.object({
  code: z.string(),
  retryAfter: z
    .number()
    .transform((seconds) => Math.min(longestRetrySeconds, Math.max(1, Math.ceil(seconds))))
    .exactOptional(),
  whatsappCode: z.int().min(0).max(999).exactOptional(),
});

/** Problems of a connector that refused a call before it did anything. */
const nothingDone: ReadonlySet<string> = new Set([
  "connector-unavailable",
  "database-unavailable",
  "invalid-request",
  "not-found",
  "service-token-invalid",
  "session-not-found",
]);

/** Makes a call to the connector: an error that the call names is passed on, any other is `connector-unavailable`. */
export async function ask<Request extends z.ZodObject, Response extends z.ZodType, Code extends ErrorCode>(
  { callConnector }: Pick<Services, "callConnector">,
  rpc: Rpc<Request, Response, Code>,
  body: z.input<Request>,
): Promise<z.output<Response>> {
  const answer = await callConnector(rpc.path, body, rpc.timeoutMs);
  if (answer && answer.status === 200) {
    const result = rpc.response.safeParse(answer.body);
    if (result.success) return result.data;
  }
  const { code, ...extras } = Refusal.safeParse(answer?.body).data ?? {};
  const named = rpc.errors.find((each) => each === code);
  if (named) throw new AppError(named, extras);
  const isUnknown = rpc.unanswered !== undefined && !nothingDone.has(code ?? "");
  throw new AppError(isUnknown ? rpc.unanswered : "connector-unavailable", { retryAfter: 5 });
}
