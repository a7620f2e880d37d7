import { type SendJob, timeOfId } from "@sandi/contracts";
import { formatTraceparent, type TraceContext, type Tracer } from "@sandi/tracing";
import type { Logger } from "pino";
import type { JobMetrics, Stage } from "./metrics.ts";
import type { Services } from "../services.ts";
import type { JobOutcome } from "./outcome.ts";

/** The span, the metrics and the log line of one run of a send job. */
export interface SendTelemetry {
  /** The parent of the traces that follow from this run. */
  readonly traceparent: string;
  /** The number of claims of the message so far. */
  attempt: number;
  /** Runs and times one stage. The stage's trace is passed to the work when it is recorded. */
  timed<T>(stage: Stage, work: (traceparent: string | undefined) => Promise<T>): Promise<T>;
  end(outcome: JobOutcome, result: string, error?: unknown): JobOutcome;
}

interface Context {
  services: Pick<Services, "now">;
  logger: Logger;
  metrics: Pick<JobMetrics, "sends" | "sendSeconds" | "acceptedToAckSeconds" | "stageSeconds">;
  tracer: Tracer;
}

const spanNames: Record<Stage, string> = {
  turn: "wait for turn",
  claim: "claim",
  lookUp: "look up number",
  fetchFile: "fetch file",
  uploadFile: "upload file",
  ack: "wait for ack",
};

/** These results are logged at debug level, because the message has another log line, or will have one. */
const minor = new Set(["known", "not_ready", "paused", "paced"]);

export function startTelemetry(
  { services, logger, metrics, tracer }: Context,
  { messageId, sessionId }: SendJob,
  parent: TraceContext | undefined,
): SendTelemetry {
  const attributes = { "sandi.message.id": messageId, "sandi.session.id": sessionId };
  const span = tracer.start("send", { parent, kind: "consumer", attributes });
  const startedAt = services.now().getTime();
  const acceptedAt = timeOfId(messageId).getTime();
  const took: Partial<Record<`${Stage}Ms`, number>> = {};

  return {
    traceparent: formatTraceparent(span.context),
    attempt: 0,
    async timed(stage, work) {
      const part = tracer.start(spanNames[stage], { parent: span.context, kind: "client", attributes });
      const at = services.now().getTime();
      let error: string | undefined = "failed";
      try {
        const result = await work(part.context.isSampled ? formatTraceparent(part.context) : undefined);
        error = undefined;
        return result;
      } finally {
        const ms = services.now().getTime() - at;
        took[`${stage}Ms`] = ms;
        metrics.stageSeconds[stage].observe(ms / 1000);
        part.end({ error });
      }
    },
    end(outcome, result, error) {
      const at = services.now().getTime();
      metrics.sends.inc({ result });
      if (result === "sent") {
        metrics.sendSeconds.observe((at - startedAt) / 1000);
        // The clocks of two machines may differ.
        metrics.acceptedToAckSeconds.observe(Math.max(0, at - acceptedAt) / 1000);
      }
      const { attempt } = this;
      span.set({ "sandi.result": result, "sandi.attempt": attempt });
      span.end({ error: result === "sent" || minor.has(result) ? undefined : result });
      const line = {
        messageId,
        sessionId,
        traceId: span.context.traceId,
        outcome: result,
        attempt,
        queueMs: startedAt - acceptedAt,
        ...took,
        totalMs: at - startedAt,
        ...(error === undefined ? {} : { error }),
      };
      const level = minor.has(result) ? "debug" : outcome.status === "later" ? "warn" : "info";
      logger[level](line, result === "sent" ? "sent" : outcome.status === "later" ? "not sent yet" : "not sent");
      return outcome;
    },
  };
}
