import type { TraceContext } from "./context.ts";

/** Ids and outcomes, never a number, a code or a text: they leave for another system. */
export type Attributes = Record<string, string | number | boolean | undefined>;

export type SpanKind = "internal" | "server" | "client" | "producer" | "consumer";

/** A piece of work that is over. */
export interface EndedSpan extends Omit<TraceContext, "state"> {
  name: string;
  kind: SpanKind;
  attributes: Attributes;
  startedAt: Date;
  endedAt: Date;
  parentId: string | undefined;
  state: string | undefined;
  /** In a word; an error's own message can hold anything. */
  error: string | undefined;
}
