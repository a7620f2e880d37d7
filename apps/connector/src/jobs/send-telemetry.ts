import { type SendJob, timeOfId } from "@sandi/contracts";
import { formatTraceparent, type TraceContext, type Tracer } from "@sandi/tracing";
import type { Logger } from "pino";
import type { JobMetrics, Stage } from "./metrics.ts";
import type { Services } from "../services.ts";
import type { JobOutcome } from "./outcome.ts";

/** What is told of one run of a send job: its span, its figures, and the one line of the log. */
export interface SendTelemetry {
  /** For what follows from this run. */
  readonly traceparent: string;
  /** How often the message has been claimed. */
  attempt: number;
  /** Does a part of the work. Its trace is passed on where it is recorded. */
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
  ack: "wait for ack",
};

/** Not worth a line of their own: the message has one already, or will have. */
const quiet = new Set(["known", "not_ready", "paused", "paced"]);

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
      span.end({ error: result === "sent" || quiet.has(result) ? undefined : result });
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
      const level = quiet.has(result) ? "debug" : outcome.status === "later" ? "warn" : "info";
      logger[level](line, result === "sent" ? "sent" : outcome.status === "later" ? "not sent yet" : "not sent");
      return outcome;
    },
  };
}
