import type { TraceContext } from "./context.ts";
import type { Attributes, EndedSpan, SpanKind } from "./span.ts";

/** A piece of work that is under way. */
export interface Span {
  /** What work that it causes belongs to. */
  readonly context: TraceContext;
  set(attributes: Attributes): void;
  /** Only the first end counts; it may give the span the name that was not known before. */
  end(outcome?: { name?: string; error?: string | undefined }): void;
}

export interface Tracer {
  /** Begins a span: in its parent's trace, or in a trace of its own. */
  start(
    name: string,
    options?: { parent?: TraceContext | undefined; kind?: SpanKind; attributes?: Attributes; startedAt?: Date },
  ): Span;
}

interface Options {
  now: () => Date;
  /** Random bytes from a cryptographic source. */
  random: (length: number) => Uint8Array;
  /** Of the traces that begin here, how many are recorded: 0 to 1. A trace that began elsewhere brings its own answer. */
  ratio: number;
  /** Takes what has ended. Without it nothing is recorded, and traces are passed on only. */
  onEnd?: ((span: EndedSpan) => void) | undefined;
}

export function createTracer({ now, random, ratio, onEnd }: Options): Tracer {
  function newTrace(): TraceContext {
    const traceId = hex(random(16));
    return { traceId, spanId: hex(random(8)), isSampled: onEnd !== undefined && isChosen(traceId, ratio) };
  }

  return {
    start(name, { parent, kind = "internal", attributes = {}, startedAt = now() } = {}) {
      if (!onEnd || parent?.isSampled === false) return passedOn(parent ?? newTrace());
      const context = parent ? { ...parent, spanId: hex(random(8)) } : newTrace();
      if (!context.isSampled) return passedOn(context);
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

/** Nothing is recorded of it: what it causes belongs to whatever caused it. */
function passedOn(context: TraceContext): Span {
  return { context, set: () => undefined, end: () => undefined };
}

/** By the random end of the id, so that every process comes to the same answer. */
function isChosen(traceId: string, ratio: number): boolean {
  return Number.parseInt(traceId.slice(-12), 16) >= (1 - ratio) * 2 ** 48;
}

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
