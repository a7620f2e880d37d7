import type { TraceContext } from "./context.ts";
import type { Attributes, EndedSpan, SpanKind } from "./span.ts";

/** A span that has started. */
export interface Span {
  /** The context for work that this span causes. */
  readonly context: TraceContext;
  set(attributes: Attributes): void;
  /** Ends the span once; further calls do nothing. The name may be set here when it was not known before. */
  end(outcome?: { name?: string; error?: string | undefined }): void;
}

export interface Tracer {
  /** Starts a span in its parent's trace, or in a new trace. */
  start(
    name: string,
    options?: { parent?: TraceContext | undefined; kind?: SpanKind; attributes?: Attributes; startedAt?: Date },
  ): Span;
}

interface Options {
  now: () => Date;
  /** Random bytes from a cryptographic source. */
  random: (length: number) => Uint8Array;
  /** The share of new traces that are recorded: 0 to 1. The parent decides for its own trace. */
  ratio: number;
  /** Called with each finished span. Without it no span is recorded, and trace ids are only passed on. */
  onEnd?: ((span: EndedSpan) => void) | undefined;
}

export function createTracer({ now, random, ratio, onEnd }: Options): Tracer {
  function newTrace(): TraceContext {
    const traceId = random(16).toHex();
    return { traceId, spanId: random(8).toHex(), isSampled: onEnd !== undefined && isChosen(traceId, ratio) };
  }

  return {
    start(name, { parent, kind = "internal", attributes = {}, startedAt = now() } = {}) {
      if (!onEnd || parent?.isSampled === false) return notRecorded(parent ?? newTrace());
      const context = parent ? { ...parent, spanId: random(8).toHex() } : newTrace();
      if (!context.isSampled) return notRecorded(context);
      const all = { ...attributes };
      let isOver = false;
      return {
        context,
        set: (more) => void Object.assign(all, more),
        end({ name: lastName = name, error } = {}) {
          if (isOver) return;
          isOver = true;
          onEnd({
            ...context,
            state: context.state,
            parentId: parent?.spanId,
            name: lastName,
            kind,
            attributes: all,
            startedAt,
            endedAt: now(),
            error,
          });
        },
      };
    },
  };
}

/** A span that is not recorded. The work that it causes belongs to its parent. */
function notRecorded(context: TraceContext): Span {
  return { context, set: () => undefined, end: () => undefined };
}

/** Decides by the random end of the trace id, so that every process decides the same. */
function isChosen(traceId: string, ratio: number): boolean {
  return Number.parseInt(traceId.slice(-12), 16) >= (1 - ratio) * 2 ** 48;
}
