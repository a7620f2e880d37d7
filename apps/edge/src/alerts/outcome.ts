import type { AlertError } from "@sandi/contracts";
import type { TargetAnswer } from "../services.ts";
import type { Target } from "./repository.ts";

/** What follows from a target's answer: it is there, it may be if asked again, or it never will be. */
export type Outcome =
  | { kind: "delivered"; status: number }
  | { kind: "retry"; status: number | null; error: AlertError; retryAfterSeconds: number }
  | { kind: "failed"; status: number | null; error: AlertError };

const usualRetrySeconds = 15;
const longestRetrySeconds = 3600;

/** Reads an answer; Telegram says in its body how long to wait. */
export function outcomeOf({ status, retryAfter, text }: TargetAnswer): Outcome {
  if (status >= 200 && status < 300) return { kind: "delivered", status };
  if (status === 429) {
    return { kind: "retry", status, error: "rate_limited", retryAfterSeconds: waitOf(retryAfter, text) };
  }
  if (status >= 500 || status === 408 || status === 425) {
    return { kind: "retry", status, error: "server_error", retryAfterSeconds: waitOf(retryAfter, text) };
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

/** What Telegram and Slack say in words of their own; what another address says may hold its secrets. */
export function refusalOf(kind: Target["kind"], { status, text }: TargetAnswer): string | null {
  if (status < 400 || kind === "webhook") return null;
  const said = kind === "slack" ? text.trim() : /"description"\s*:\s*"([^"\\]+)"/.exec(text)?.[1];
  const isPlain = kind === "slack" ? /^[a-z_]{1,64}$/ : /^[\w ,.:;'()/-]{1,200}$/;
  return said !== undefined && isPlain.test(said) ? said : null;
}

/** The new id of a Telegram group that was upgraded to a supergroup. Telegram refuses the old id and names the new one. */
export const movedTo = ({ status, text }: TargetAnswer): string | undefined =>
  status === 400 ? /"migrate_to_chat_id"\s*:\s*(-?[0-9]{1,20})\b/.exec(text)?.[1] : undefined;

function waitOf(header: string | null, text: string): number {
  const told =
    /"retry_after"\s*:\s*([0-9]{1,6})\b/.exec(text)?.[1] ?? (/^[0-9]{1,6}$/.test(header ?? "") ? header : null);
  return told === null ? usualRetrySeconds : Math.min(longestRetrySeconds, Math.max(1, Number(told)));
}
