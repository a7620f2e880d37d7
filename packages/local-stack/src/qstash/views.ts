import { createHash } from "node:crypto";
import { isUtf8 } from "node:buffer";
import type { DeadLetter, Message, Spec } from "./message.ts";
import { listed } from "./outcome.ts";

/** A message as the API shows it. */
export function messageView({
  id,
  spec,
  body,
  createdAt,
  notBefore,
}: Pick<Message, "id" | "spec" | "body" | "createdAt" | "notBefore">) {
  const { flowControl } = spec;
  return {
    messageId: id,
    url: spec.url,
    method: spec.method,
    header: redactedHeaders(spec),
    ...(spec.redact.includes("body")
      ? { body: `REDACTED:${createHash("sha256").update(body).digest("hex")}` }
      : bytes("body", body)),
    maxRetries: spec.maxRetries,
    notBefore,
    createdAt,
    callerIP: spec.callerIp,
    ...(spec.retryDelay ? { retryDelayExpression: spec.retryDelay } : {}),
    ...(spec.callback ? { callback: spec.callback.url } : {}),
    ...(spec.failureCallback ? { failureCallback: spec.failureCallback.url } : {}),
    ...(spec.queueName ? { queueName: spec.queueName } : {}),
    ...(spec.scheduleId ? { scheduleId: spec.scheduleId } : {}),
    ...(spec.labels.length > 0 ? { label: spec.labels[0], labels: spec.labels } : {}),
    ...(flowControl ? { flowControlKey: flowControl.key, period: flowControl.periodMs / 1000 } : {}),
    ...(flowControl?.parallelism ? { parallelism: flowControl.parallelism } : {}),
    ...(flowControl?.rate ? { rate: flowControl.rate } : {}),
  };
}

export function deadLetterView(letter: DeadLetter) {
  const { dlqId, answer } = letter;
  return {
    ...messageView(letter),
    dlqId,
    responseStatus: answer.status,
    responseHeader: answer.headers,
    ...bytes("responseBody", answer.body),
  };
}

function redactedHeaders({ headers, redact }: Spec) {
  const isHidden = (name: string) =>
    redact.some((field) => field === "header" || field.toLowerCase() === `header[${name}]`);
  return listed(
    Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, isHidden(name) ? "REDACTED" : value])),
  );
}

const bytes = (name: string, value: Buffer) =>
  isUtf8(value) ? { [name]: value.toString() } : { [`${name}Base64`]: value.toString("base64") };
