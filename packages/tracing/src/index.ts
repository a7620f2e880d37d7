export { formatTraceparent, parseTraceparent, parseTracestate, type TraceContext, traceOf } from "./context.ts";
export { createExporter, type Exporter, parseOtlpHeaders } from "./exporter.ts";
export type { EndedSpan } from "./span.ts";
export { createTracer, type Tracer } from "./tracer.ts";
