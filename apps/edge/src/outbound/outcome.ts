import type { DeliveryError } from "@sandi/contracts";
import type { TargetAnswer } from "../services.ts";

/** What a target's answer means. */
export type Outcome =
  | { kind: "delivered"; status: number }
  | {
      /** `retry`: the target may take it later. `failed`: it refuses it. */
      kind: "retry" | "failed";
      status: number | null;
      error: DeliveryError;
      /** How long the target asks to wait, in seconds; null: it does not say. */
      retryAfterSeconds: number | null;
    };

/** An attempt that failed. */
export type Failure = Exclude<Outcome, { kind: "delivered" }>;

/** Reads an answer. `wait` is how many seconds its body asks for; it counts more than the header `Retry-After`. */
export function outcomeOf({ status, retryAfter }: TargetAnswer, wait: string | undefined, now: Date): Outcome {
  if (status >= 200 && status < 300) return { kind: "delivered", status };
  const failed = { status, retryAfterSeconds: secondsOf(wait ?? retryAfter, now) };
  if (status === 429) return { ...failed, kind: "retry", error: "rate_limited" };
  if (status >= 500 || status === 408 || status === 425) return { ...failed, kind: "retry", error: "server_error" };
  return { ...failed, kind: "failed", error: status < 400 ? "redirected" : "refused" };
}

/** No answer at all. */
export const noAnswer = (cause: unknown): Outcome => {
  const isLate = cause instanceof Error && cause.name === "TimeoutError";
  return { kind: "retry", status: null, error: isLate ? "timed_out" : "unreachable", retryAfterSeconds: null };
};

/** Sandi could not make the request. It says nothing about the target. */
export const notSendable = {
  kind: "retry",
  status: null,
  error: "not_sendable",
  retryAfterSeconds: null,
} as const satisfies Failure;

/** Seconds until a time that is a number of seconds, or a date of HTTP. */
function secondsOf(text: string | null, now: Date): number | null {
  if (text === null) return null;
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - now.getTime()) / 1000));
}
