import type { IncomingHttpHeaders } from "node:http";
import {
  AppError,
  jobPaths,
  laneHeader,
  type MediaDownload,
  mediaDownloadHeader,
  QueuedSendJob,
  QueuedSessionJob,
  readMediaDownload,
  readSendJob,
  RevokeJob,
  type SendJob,
} from "@sandi/contracts";
import type { NodeQueueCheck } from "@sandi/crypto/node";
import { type TraceContext, traceOf } from "@sandi/tracing";
import { type Forward, isOk, wasForwarded } from "../fleet/forward.ts";
import { type Answer, type Incoming, json, type Route } from "../http.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import type { DesiredStateChange } from "../store/sessions.ts";
import type { JobOutcome } from "./outcome.ts";

interface Options {
  publicUrl: string;
  checkSignature: NodeQueueCheck;
  send: (job: SendJob, trace: TraceContext | undefined) => Promise<JobOutcome>;
  revoke: (job: RevokeJob) => Promise<JobOutcome>;
  supervisor: Supervisor;
  /** Opens the sealed proxy of the job and seals it for the session's row. */
  parseSessionJob: (job: QueuedSessionJob, setting: MediaDownload | undefined) => Promise<DesiredStateChange>;
  /** Passes a job to the connector that owns its session. */
  forward: Forward;
  isDraining: () => boolean;
}

interface Schema<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false };
}

const maxBytes = 16 * 1024;

/** What QStash delivers. 2xx only when the outcome is stored; 503 asks for another delivery. */
export function jobRoutes(options: Options): Route[] {
  const { publicUrl, checkSignature, send, revoke, supervisor, parseSessionJob, forward, isDraining } = options;

  /** Accepts jobs that QStash signed. The connector that owns the session runs them, otherwise this one. */
  function route<Job extends { sessionId: string }>(
    path: string,
    schema: Schema<Job>,
    run: (job: Job, incoming: Incoming) => Promise<Answer>,
  ): Route {
    return {
      path,
      maxBytes,
      proof: signatureIn,
      async answer(incoming) {
        const { proof, body } = incoming;
        // A body with a wrong signature is not parsed.
        if (!checkSignature(proof, publicUrl + path, body)) throw unsigned();
        const job = parse(schema, body);
        if (isDraining()) throw unavailable("The connector is shutting down.", 2);
        return (await forward.toOwner(incoming, job.sessionId)) ?? run(job, incoming);
      },
    };
  }

  /** A desired state of a session without an owner goes to the connector with the most free capacity. */
  async function setDesiredState(job: QueuedSessionJob, incoming: Incoming): Promise<Answer> {
    const change = await parseSessionJob(job, readMediaDownload(incoming.headers[mediaDownloadHeader]?.toString()));
    let outcome = await supervisor.setDesiredState(change, { mayPlace: !wasForwarded(incoming) });
    if (typeof outcome === "object") {
      const answer = await forward.to(incoming, outcome.url);
      if (answer && isOk(answer)) return answer;
      outcome = await supervisor.setDesiredState(change, { mayPlace: false });
    }
    if (outcome !== "applied") throw unavailable("Another connector owns the session.", 2);
    return json(200, { status: "done" });
  }

  return [
    route(jobPaths.send, QueuedSendJob, async (job, incoming) =>
      finished(await send(readSendJob(job, incoming.headers[laneHeader]?.toString()), traceIn(incoming))),
    ),
    route(jobPaths.revoke, RevokeJob, async (job) => finished(await revoke(job))),
    route(jobPaths.session, QueuedSessionJob, setDesiredState),
  ];
}

function finished(outcome: JobOutcome): Answer {
  if (outcome.status === "later") throw unavailable(`Not yet: ${outcome.why}.`, outcome.retryAfterSeconds);
  return json(200, outcome);
}

function parse<T>(schema: Schema<T>, body: string): T {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new AppError("invalid-json");
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new AppError("invalid-request", { detail: "The job has another shape." });
  return parsed.data;
}

function signatureIn(headers: IncomingHttpHeaders): string {
  const signature = headers["upstash-signature"];
  if (typeof signature !== "string" || signature === "") throw unsigned();
  return signature;
}

function traceIn({ headers }: Incoming): TraceContext | undefined {
  return traceOf({ get: (name) => headers[name]?.toString() ?? null });
}

const unsigned = () => new AppError("service-token-invalid", { detail: "The QStash signature is not valid." });

function unavailable(detail: string, retryAfter: number): AppError {
  return new AppError("connector-unavailable", { detail, retryAfter });
}
