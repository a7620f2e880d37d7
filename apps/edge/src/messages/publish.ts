import { formatTraceparent, parseTraceparent, type TraceContext } from "@sandi/tracing";
import type { Pacing } from "@sandi/contracts";
import type { Services } from "../services.ts";
import { iso } from "./present.ts";
import { markUnpublished } from "./repository.ts";

/** How long after a create the cron may publish it again. */
export const firstPublishMs = 15_000;
/** And after its first publish by the cron: less than a minute, for the cron's ticks are not exact. */
export const republishMs = 50_000;

export interface Publishable {
  id: string;
  sessionId: string;
  expiresAt: number;
  publishCount: number;
  /** Of a text; null: it is a code, and waits for no text. */
  pacing: Pacing | null;
  /** As stored: what its sending follows from. Without one it follows from the request. */
  traceparent?: string | null;
  /** What the caller brought with it; not stored. */
  tracestate?: string | undefined;
}

/** A message to publish beside the answer to the request with this trace. */
interface Accepted extends Publishable {
  trace: TraceContext | undefined;
}

export function sendJob({ id, sessionId, expiresAt, publishCount, pacing, traceparent, tracestate }: Publishable) {
  const lane = pacing === null ? ({ lane: "otp" } as const) : ({ lane: "bulk", pacing } as const);
  return {
    kind: "send" as const,
    body: { messageId: id, sessionId, expiresAt: iso(expiresAt), ...lane },
    deduplicationId: `${id}.${publishCount}`,
    ...(traceparent ? { traceparent } : {}),
    ...(traceparent && tracestate ? { tracestate } : {}),
  };
}

/** Publishes beside the answer: the row is the promise, so a publish that fails is left to the cron. */
export function publishLater(services: Services, workspaceId: string, { trace, ...message }: Accepted): void {
  const { db, now, publish, log, tracer } = services;
  const parent = parseTraceparent(message.traceparent) ?? trace;
  const attributes = { "sandi.message.id": message.id, "sandi.session.id": message.sessionId };
  const span = parent && tracer.start("publish message.send", { parent, kind: "producer", attributes });
  const work = async () => {
    try {
      const { context } = span ?? {};
      await publish(sendJob({ ...message, traceparent: traceparentOf(context), tracestate: context?.state }));
      span?.end();
    } catch (error) {
      span?.end({ error: "not_published" });
      log(`${message.id} was not published; cron will`, error);
      await markUnpublished(db, workspaceId, { id: message.id, now: now().getTime() });
    }
  };
  services.waitUntil(work().catch((error: unknown) => log(`${message.id} waits for its second chance`, error)));
}

/** As it is stored with a message and sent along with its job. */
export const traceparentOf = (trace: TraceContext | undefined) => (trace ? formatTraceparent(trace) : null);
