import type { Attributes, EndedSpan } from "./span.ts";

/** The process that made the spans, such as its `service.name`. */
export type Resource = Attributes;

const kinds = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const;
const failed = 2;

/** An `ExportTraceServiceRequest` in OTLP's JSON: ids in hex, times as decimal text. */
export function toOtlp(resource: Resource, spans: readonly EndedSpan[]) {
  return {
    resourceSpans: [
      {
        resource: { attributes: toAttributes(resource) },
        scopeSpans: [{ scope: { name: "sandi" }, spans: spans.map(toSpan) }],
      },
    ],
  };
}

function toSpan({ traceId, spanId, parentId, state, name, kind, attributes, startedAt, endedAt, error }: EndedSpan) {
  return {
    traceId,
    spanId,
    ...(parentId === undefined ? {} : { parentSpanId: parentId }),
    ...(state === undefined ? {} : { traceState: state }),
    name,
    kind: kinds[kind],
    startTimeUnixNano: nanoseconds(startedAt),
    endTimeUnixNano: nanoseconds(endedAt),
    attributes: toAttributes(attributes),
    status: error === undefined ? {} : { code: failed, message: error },
  };
}

const nanoseconds = (at: Date) => `${at.getTime()}000000`;

function toAttributes(attributes: Attributes) {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: toValue(value) }],
  );
}

function toValue(value: string | number | boolean) {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
