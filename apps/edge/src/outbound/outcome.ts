import type { DeliveryError } from "@sandi/contracts";
import type { TargetAnswer } from "../services.ts";

/** What follows from a target's answer: it has the message, it may take it later, or it never will. */
export type Outcome =
  | { kind: "delivered"; status: number }
  | { kind: "retry"; status: number | null; error: DeliveryError; retryAfterSeconds: number }
  | { kind: "failed"; status: number | null; error: DeliveryError };

const usualRetrySeconds = 15;
const longestRetrySeconds = 3600;

/** Reads an answer. `wait` is how many seconds its body asks for; it counts more than the header `Retry-After`. */
export function outcomeOf({ status, retryAfter }: TargetAnswer, wait: string | undefined): Outcome {
  if (status >= 200 && status < 300) return { kind: "delivered", status };
  const retryAfterSeconds = secondsOf(wait ?? retryAfter);
  if (status === 429) return { kind: "retry", status, error: "rate_limited", retryAfterSeconds };
  if (status >= 500 || status === 408 || status === 425) {
    return { kind: "retry", status, error: "server_error", retryAfterSeconds };
  }
  return { kind: "failed", status, error: status < 400 ? "redirected" : "refused" };
}

/** No answer at all. */
export const noAnswer = (cause: unknown): Outcome => {
  const isLate = cause instanceof Error && cause.name === "TimeoutError";
  return {
    kind: "retry",
    status: null,
    error: isLate ? "timed_out" : "unreachable",
    retryAfterSeconds: usualRetrySeconds,
  };
};

const secondsOf = (text: string | null): number =>
  text !== null && /^[0-9]{1,6}$/.test(text)
    ? Math.min(longestRetrySeconds, Math.max(1, Number(text)))
    : usualRetrySeconds;
