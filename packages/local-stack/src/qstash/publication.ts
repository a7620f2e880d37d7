import { createHash } from "node:crypto";
import { parseDuration } from "./duration.ts";
import { ExpressionError, parseRetryDelay } from "./expression.ts";
import type { Callback, FlowControl, Spec } from "./message.ts";

/** The request is wrong. It is answered with `status`. */
export class RequestError extends Error {
  readonly status: number;

  constructor(message: string, status = 400) {
    super(message);
    this.status = status;
  }
}

export type Headers = Record<string, string>;

/** A message before it has an id. */
export interface Publication {
  spec: Spec;
  body: Buffer;
  notBefore: number;
  deduplicationId?: string;
}

export interface Sender {
  now: number;
  callerIp: string;
  allowHosts: ReadonlySet<string>;
  queueName?: string | undefined;
  scheduleId?: string | undefined;
  /** Bytes. The limit does not hold for messages that the server itself publishes. */
  bodyLimit?: number;
}

const publisherLimit = 1024 * 1024;
const defaultTimeoutMs = 15 * 60_000;
const longestTimeoutMs = 12 * 3_600_000;
/** Headers of one connection, which are not forwarded. */
const notForwarded = new Set(
  "host connection keep-alive transfer-encoding content-length upgrade expect te trailer".split(" "),
);
const methods = new Set(["GET", "POST", "PUT", "PATCH", "DELETE"]);

/** Reads a publish request; throws a `RequestError` that names what is wrong. */
export function parsePublication(url: string, headers: Headers, body: Buffer, sender: Sender): Publication {
  const { bodyLimit = publisherLimit } = sender;
  if (body.length > bodyLimit) throw new RequestError(`the body is larger than ${bodyLimit} bytes`, 413);
  refuseForeign(url, sender.allowHosts);
  const method = (headers["upstash-method"] ?? "POST").toUpperCase();
  if (!methods.has(method)) throw new RequestError(`Upstash-Method: "${method}" is not supported`);
  const retryDelay = headers["upstash-retry-delay"];
  if (retryDelay) checkRetryDelay(retryDelay);
  const callback = parseCallback(headers, "upstash-callback", sender);
  const failureCallback = parseCallback(headers, "upstash-failure-callback", sender);
  const flowControl = parseFlowControl(headers);
  const spec: Spec = {
    url,
    method,
    headers: forwarded(headers),
    maxRetries: wholeNumber(headers, "upstash-retries") ?? 3,
    timeoutMs: Math.min(longestTimeoutMs, duration(headers, "upstash-timeout") ?? defaultTimeoutMs),
    labels: list(headers["upstash-label"]),
    redact: list(headers["upstash-redact-fields"]),
    callerIp: sender.callerIp,
    ...(retryDelay ? { retryDelay } : {}),
    ...(callback ? { callback } : {}),
    ...(failureCallback ? { failureCallback } : {}),
    ...(flowControl ? { flowControl } : {}),
    ...(sender.queueName ? { queueName: sender.queueName } : {}),
    ...(sender.scheduleId ? { scheduleId: sender.scheduleId } : {}),
  };
  const deduplicationId = headers["upstash-deduplication-id"] ?? contentId(spec, headers, body);
  return { spec, body, notBefore: notBefore(headers, sender.now), ...(deduplicationId ? { deduplicationId } : {}) };
}

function refuseForeign(url: string, allowHosts: ReadonlySet<string>): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !/^https?:$/.test(parsed.protocol))
    throw new RequestError(`the destination "${url.slice(0, 200)}" is not an http or https URL`);
  const host = parsed.hostname;
  const isLoopback = host === "localhost" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
  if (!isLoopback && !allowHosts.has(host))
    throw new RequestError(
      `the destination ${parsed.host} is not on this machine, and the local QStash is not configured to allow it`,
      403,
    );
}

function checkRetryDelay(expression: string): void {
  try {
    parseRetryDelay(expression);
  } catch (error) {
    if (error instanceof ExpressionError) throw new RequestError(`Upstash-Retry-Delay: ${error.message}`);
    throw error;
  }
}

/** The header `Upstash-Callback-X` becomes `Upstash-X` of the callback. */
function parseCallback(headers: Headers, name: string, sender: Sender): Callback | undefined {
  const url = headers[name];
  if (!url) return undefined;
  const own: Headers = {};
  for (const [key, value] of Object.entries(headers)) {
    if (key.startsWith(`${name}-`)) own[`upstash-${key.slice(name.length + 1)}`] = value;
  }
  parsePublication(url, own, Buffer.alloc(0), sender);
  return { url, headers: own };
}

function parseFlowControl(headers: Headers): FlowControl | undefined {
  const key = headers["upstash-flow-control-key"];
  if (!key) return undefined;
  const given = new Map(
    list(headers["upstash-flow-control-value"]).map((part) => part.split("=", 2) as [string, string]),
  );
  const number = (name: string) => {
    const text = given.get(name);
    if (text === undefined) return undefined;
    if (!/^[1-9]\d*$/.test(text)) throw new RequestError(`Upstash-Flow-Control-Value: ${name} is not a number above 0`);
    return Number(text);
  };
  const parallelism = number("parallelism");
  const rate = number("rate");
  const periodMs = parseDuration(given.get("period") ?? "1s");
  if (!periodMs) throw new RequestError("Upstash-Flow-Control-Value: period is not a duration");
  if (parallelism === undefined && rate === undefined)
    throw new RequestError("Upstash-Flow-Control-Value has neither parallelism nor rate");
  return { key, periodMs, ...(parallelism ? { parallelism } : {}), ...(rate ? { rate } : {}) };
}

function forwarded(headers: Headers): Headers {
  const result: Headers = {};
  const prefix = "upstash-forward-";
  for (const [key, value] of Object.entries(headers)) {
    const name = key.slice(prefix.length);
    if (key.startsWith(prefix) && !notForwarded.has(name)) result[name] = value;
  }
  if (headers["content-type"]) result["content-type"] = headers["content-type"];
  return result;
}

function notBefore(headers: Headers, now: number): number {
  const at = wholeNumber(headers, "upstash-not-before");
  return at === undefined ? now + (duration(headers, "upstash-delay") ?? 0) : Math.max(now, at * 1000);
}

function contentId({ url, method }: Spec, headers: Headers, body: Buffer): string | undefined {
  if (headers["upstash-content-based-deduplication"] !== "true") return undefined;
  const content = [
    url,
    method,
    ...Object.entries(forwarded(headers))
      .map(([key, value]) => `${key}:${value}`)
      .sort(),
  ].join("\n");
  return `content:${createHash("sha256").update(content).update("\n").update(body).digest("base64url")}`;
}

function wholeNumber(headers: Headers, name: string): number | undefined {
  const text = headers[name];
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new RequestError(`${name}: "${text}" is not a whole number`);
  return Number(text);
}

function duration(headers: Headers, name: string): number | undefined {
  const text = headers[name];
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (ms === undefined) throw new RequestError(`${name}: "${text}" is not a duration`);
  return ms;
}

const list = (text: string | undefined) =>
  (text ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
