import { createExporter, createTracer, type Exporter, type Tracer } from "@sandi/tracing";
import type { Config } from "./config.ts";
import type { Services } from "./services.ts";

/** Spans that end within this time share an export. */
const gatherMs = 100;

/** The tracer of an isolate, and its exporter if one is configured. */
export function prepareTracing(
  config: Config,
  { now, random, log }: Pick<Services, "now" | "random" | "log">,
): { tracer: Tracer; exporter: Exporter | undefined } {
  const endpoint = config.OTEL_EXPORTER_OTLP_ENDPOINT;
  const exporter =
    endpoint === undefined
      ? undefined
      : createExporter({
          endpoint,
          headers: config.OTEL_EXPORTER_OTLP_HEADERS,
          resource: { "service.name": config.OTEL_SERVICE_NAME },
          fetch: (...request) => fetch(...request),
          onOutage: (cause) => log("the collector does not accept spans; they wait", cause),
        });
  const onEnd = exporter && ((span: Parameters<Exporter["add"]>[0]) => exporter.add(span));
  return { tracer: createTracer({ now, random, ratio: config.OTEL_TRACES_SAMPLER_ARG, onEnd }), exporter };
}

/** Exports the spans of a request after its answer and all its work in `waitUntil`. */
export async function exportAfter(
  { exporter, sleep }: { exporter: Exporter } & Pick<Services, "sleep">,
  underway: readonly Promise<unknown>[],
): Promise<void> {
  let known: number;
  do {
    known = underway.length;
    await Promise.allSettled(underway);
  } while (underway.length > known);
  if (exporter.waiting === 0) return;
  await sleep(gatherMs);
  await exporter.flush();
}
