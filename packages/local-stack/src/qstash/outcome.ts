import { parseRetryAfter } from "./duration.ts";
import { boundedDelay, defaultRetryDelay, parseRetryDelay } from "./expression.ts";
import type { Answer, Callback, Message } from "./message.ts";
import { parsePublication, type Publication, type Sender } from "./publication.ts";

const dayMs = 24 * 3_600_000;

/** What happens after an answer. */
export type Outcome = { kind: "delivered" } | { kind: "retry"; delayMs: number } | { kind: "failed"; error: string };

export function judge({ spec, retried }: Message, answer: Answer, now: number): Outcome {
  const { status, headers, error } = answer;
  if (status >= 200 && status < 300) return { kind: "delivered" };
  const isFinal = status === 489 && headers["upstash-nonretryable-error"]?.[0] === "true";
  if (isFinal || retried >= spec.maxRetries)
    return { kind: "failed", error: error ?? `the destination answered ${status}` };
  const wanted = parseRetryAfter(headers["retry-after"]?.[0] ?? "", now);
  if (wanted !== undefined) return { kind: "retry", delayMs: Math.min(dayMs, wanted) };
  return {
    kind: "retry",
    delayMs: boundedDelay(spec.retryDelay ? parseRetryDelay(spec.retryDelay) : defaultRetryDelay, retried),
  };
}

/** The body for a callback: the attempt's answer and its message. */
export function callbackPublication(
  callback: Callback,
  message: Message,
  answer: Answer,
  { dlqId, ...sender }: Sender & { dlqId?: string },
): Publication {
  const { spec, id, body, retried, createdAt, notBefore } = message;
  const payload = {
    status: answer.status,
    header: answer.headers,
    body: answer.body.toString("base64"),
    retried,
    maxRetries: spec.maxRetries,
    sourceMessageId: id,
    url: spec.url,
    method: spec.method,
    sourceHeader: listed(spec.headers),
    sourceBody: body.toString("base64"),
    notBefore,
    createdAt,
    callerIP: spec.callerIp,
    ...(spec.queueName ? { queueName: spec.queueName } : {}),
    ...(spec.scheduleId ? { scheduleId: spec.scheduleId } : {}),
    ...(spec.labels.length > 0 ? { label: spec.labels[0], labels: spec.labels } : {}),
    ...(answer.error ? { error: answer.error } : {}),
    ...(dlqId ? { dlqId } : {}),
  };
  const headers = { ...callback.headers, "content-type": "application/json" };
  return parsePublication(callback.url, headers, Buffer.from(JSON.stringify(payload)), {
    ...sender,
    bodyLimit: Infinity,
  });
}

/** Headers as QStash shows them: each has a list of values. */
export const listed = (headers: Record<string, string>): Record<string, string[]> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
