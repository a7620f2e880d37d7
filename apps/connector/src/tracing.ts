import { createExporter, createTracer, type EndedSpan, type Exporter, type Tracer } from "@sandi/tracing";
import type { Logger } from "pino";
import type { Config } from "./config.ts";
import type { Meter } from "./metrics.ts";
import type { Services } from "./services.ts";

/** The tracer of this process; its spans are exported in batches when a collector is configured. */
export interface Tracing {
  tracer: Tracer;
  /** Exports the spans that wait; later spans are not exported. */
  stop(): Promise<void>;
}

const exportMs = 1_000;

export function startTracing(
  { otel }: Pick<Config, "otel">,
  { now, random, fetch, after }: Pick<Services, "now" | "random" | "fetch" | "after">,
  { logger, run, meter }: { logger: Logger; run: string; meter: Pick<Meter, "total"> },
): Tracing {
  const { endpoint, headers, serviceName, ratio } = otel;
  let exporter: Exporter | undefined;
  const help = "Spans that the collector refused, or that did not fit into the queue.";
  meter.total("sandi_spans_dropped_total", help, () => exporter?.dropped ?? 0);
  if (endpoint === undefined) {
    return { tracer: createTracer({ now, random, ratio }), stop: () => Promise.resolve() };
  }
  const exporting = (exporter = createExporter({
    endpoint,
    headers,
    resource: { "service.name": serviceName, "service.instance.id": run },
    fetch,
    onOutage: (error) => logger.warn({ error }, "the collector does not accept spans; they wait"),
  }));
  let cancel: (() => void) | undefined;
  let isStopped = false;

  function schedule(): void {
    if (isStopped || exporting.waiting === 0) return;
    cancel ??= after(exportMs, () => {
      void exportWaiting();
    });
  }

  async function exportWaiting(): Promise<void> {
    await exporting.flush();
    cancel = undefined;
    schedule();
  }

  function onEnd(span: EndedSpan): void {
    exporting.add(span);
    schedule();
  }

  return {
    tracer: createTracer({ now, random, ratio, onEnd }),
    async stop() {
      isStopped = true;
      cancel?.();
      await exporting.flush();
    },
  };
}
