import {
  deliverPath,
  erasePath,
  expandPath,
  jobPaths,
  mediaDownloadHeader,
  replayPath,
  writtenSendJob,
} from "@sandi/contracts";
import type { Config } from "./config.ts";
import { flowOf } from "./flow.ts";
import type { Job, Services } from "./services.ts";

// Three documented REST calls. The SDKs have no time-outs and add 40 KiB to the bundle.

const queueMs = 5_000;
const redisMs = 1_000;

/** Publishes a job to QStash. */
export async function publish(config: Config, job: Job): Promise<void> {
  const { body, headers } = written(job);
  await post(config, `publish/${destination(config, job)}`, headers, JSON.stringify(body));
}

/** Publishes up to 100 jobs to QStash in one request. */
export async function publishAll(config: Config, jobs: readonly Job[]): Promise<void> {
  const messages = jobs.map((job) => {
    const { body, headers } = written(job);
    return { destination: destination(config, job), headers, body: JSON.stringify(body) };
  });
  await post(config, "batch", { "content-type": "application/json" }, JSON.stringify(messages));
}

/** The jobs that QStash delivers to the edge itself. */
const ownPaths = { delivery: deliverPath, batch: expandPath, erasure: erasePath, replay: replayPath };

const destination = ({ CONNECTOR_URL, PUBLIC_URL }: Config, { kind }: Job) =>
  kind === "delivery" || kind === "batch" || kind === "erasure" || kind === "replay"
    ? `${PUBLIC_URL}${ownPaths[kind]}`
    : `${CONNECTOR_URL}${jobPaths[kind]}`;

/** The body and the headers of the call. */
function written(job: Job): { body: object; headers: Record<string, string> } {
  const { body, headers } =
    job.kind === "send" ? writtenSendJob(job.body) : { body: job.body, headers: settingsOf(job) };
  const forwarded = Object.entries(headers).map(([name, value]) => [`upstash-forward-${name}`, value]);
  return { body, headers: { ...headersOf(job), ...(Object.fromEntries(forwarded) as Record<string, string>) } };
}

const settingsOf = (job: Job): Record<string, string> =>
  job.kind === "session" ? { [mediaDownloadHeader]: job.mediaDownload } : {};

/** The first retries are fast: a code is of little use after a minute. */
const headersOf = (job: Job): Record<string, string> => ({
  "content-type": "application/json",
  "upstash-method": "POST",
  "upstash-deduplication-id": job.deduplicationId,
  "upstash-retries": "5",
  "upstash-retry-delay": "min(8000, 1000 * pow(2, retried))",
  "upstash-timeout": "30s",
  ...("notBefore" in job ? { "upstash-not-before": String(Math.ceil(job.notBefore / 1000)) } : {}),
  ...flowOf(job),
  ...("traceparent" in job ? { "upstash-forward-traceparent": job.traceparent } : {}),
  ...("tracestate" in job ? { "upstash-forward-tracestate": job.tracestate } : {}),
});

async function post(config: Config, path: string, headers: Record<string, string>, body: string): Promise<void> {
  const response = await fetch(`${config.QSTASH_URL}/v2/${path}`, {
    method: "POST",
    headers: { ...headers, authorization: `Bearer ${config.QSTASH_TOKEN}` },
    body,
    signal: AbortSignal.timeout(queueMs),
  });
  // The runtime uses the connection again only after the whole answer was read.
  await response.text();
  if (!response.ok) throw new Error(`QStash answered ${response.status}`);
}

/** An error answer of Redis. Its code is the first word, such as `NOSCRIPT`. */
export class RedisError extends Error {
  override readonly name = "RedisError";
  readonly code: string;

  constructor(status: number, text: string) {
    super(`Redis answered ${status}`);
    this.code = /"error"\s*:\s*"([A-Z]+)\b/.exec(text)?.[1] ?? String(status);
  }
}

/** One Redis command over REST. */
export function redisOver(
  config: Pick<Config, "UPSTASH_REDIS_REST_URL" | "UPSTASH_REDIS_REST_TOKEN">,
): Services["redis"] {
  const headers = {
    authorization: `Bearer ${config.UPSTASH_REDIS_REST_TOKEN}`,
    "content-type": "application/json",
  };
  return async (command, timeoutMs) => {
    const response = await fetch(config.UPSTASH_REDIS_REST_URL, {
      method: "POST",
      headers,
      body: JSON.stringify(command),
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (!response.ok) throw new RedisError(response.status, await response.text());
    return (await response.json<{ result?: unknown }>()).result;
  };
}

/** True for the first use of a token id (`SET … NX EX`). */
export async function isFirstUse(redis: Services["redis"], jti: string, ttlSeconds: number): Promise<boolean> {
  return (await redis(["SET", `edge:jti:${jti}`, "1", "NX", "EX", ttlSeconds], redisMs)) === "OK";
}
