import type { TraceContext } from "./context.ts";

/** Ids and results. Never a phone number, a code or a text, because spans are sent to another system. */
export type Attributes = Record<string, string | number | boolean | undefined>;

export type SpanKind = "internal" | "server" | "client" | "producer" | "consumer";

/** A finished span. */
export interface EndedSpan extends Omit<TraceContext, "state"> {
  name: string;
  kind: SpanKind;
  attributes: Attributes;
  startedAt: Date;
  endedAt: Date;
  parentId: string | undefined;
  state: string | undefined;
  /** One word. The message of an error can contain private data. */
  error: string | undefined;
}
