import { createExporter, createTracer, type EndedSpan, type Tracer } from "@sandi/tracing";
import type { Logger } from "pino";
import type { Config } from "./config.ts";
import type { Services } from "./services.ts";

/** The tracer of this process; its spans are exported in batches when a collector is configured. */
export interface Tracing {
  tracer: Tracer;
  /** Spans that were thrown away. */
  dropped: () => number;
  /** Exports what there is, and nothing after that. */
  stop(): Promise<void>;
}

const exportMs = 1_000;

export function startTracing(
  { otel }: Pick<Config, "otel">,
  { now, random, fetch, after }: Pick<Services, "now" | "random" | "fetch" | "after">,
  { logger, run }: { logger: Logger; run: string },
): Tracing {
  const { endpoint, headers, serviceName, ratio } = otel;
  if (endpoint === undefined) {
    return { tracer: createTracer({ now, random, ratio }), dropped: () => 0, stop: () => Promise.resolve() };
  }
  const exporter = createExporter({
    endpoint,
    headers,
    resource: { "service.name": serviceName, "service.instance.id": run },
    fetch,
    onOutage: (error) => logger.warn({ error }, "the collector does not take spans; they wait"),
  });
  let cancel: (() => void) | undefined;
  let isStopped = false;

  function schedule(): void {
    if (isStopped || exporter.waiting === 0) return;
    cancel ??= after(exportMs, () => {
      void exportWaiting();
    });
  }

  async function exportWaiting(): Promise<void> {
    await exporter.flush();
    cancel = undefined;
    schedule();
  }

  function onEnd(span: EndedSpan): void {
    exporter.add(span);
    schedule();
  }

  return {
    tracer: createTracer({ now, random, ratio, onEnd }),
    dropped: () => exporter.dropped,
    async stop() {
      isStopped = true;
      cancel?.();
      await exporter.flush();
    },
  };
}
