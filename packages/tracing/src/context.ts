/** A trace, and the span that caused the current work (W3C Trace Context). */
export interface TraceContext {
  /** 32 hex digits. */
  traceId: string;
  /** 16 hex digits. */
  spanId: string;
  isSampled: boolean;
  /** The `tracestate` header of other vendors. Requests and jobs carry it. It is never stored, because it is foreign text. */
  state?: string;
}

const shape = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const nothing = /^0+$/;

/** Parses a `traceparent` header; undefined when it is missing or not valid. */
export function parseTraceparent(text: string | null | undefined): TraceContext | undefined {
  const [, version, traceId = "", spanId = "", flags = "", more] = shape.exec(text?.trim() ?? "") ?? [];
  if (version === undefined || version === "ff" || nothing.test(traceId) || nothing.test(spanId)) return undefined;
  // Later versions may add fields at the end.
  if (version === "00" && more !== undefined) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** The `traceparent` header of a context: 55 characters. */
export function formatTraceparent({ traceId, spanId, isSampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${isSampled ? "01" : "00"}`;
}

const longestState = 512;
const mostMembers = 32;
const member =
  /^(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})=[ -+\--<>-~]{0,255}[!-+\--<>-~]$/;

/** Parses a `tracestate` header; undefined when it is missing, too long or not valid. */
export function parseTracestate(text: string | null | undefined): string | undefined {
  if (!text || text.length > longestState) return undefined;
  const members = text.split(",").map((each) => each.trim());
  const given = members.filter((each) => each !== "");
  const keys = new Set(given.map((each) => each.split("=", 1)[0]));
  if (given.length === 0 || given.length > mostMembers || keys.size < given.length) return undefined;
  return given.every((each) => member.test(each)) ? given.join(",") : undefined;
}

/** The context in a request's headers; undefined when it is missing or not valid. */
export function traceOf(headers: Pick<Headers, "get">): TraceContext | undefined {
  const context = parseTraceparent(headers.get("traceparent"));
  const state = context && parseTracestate(headers.get("tracestate"));
  return context && { ...context, ...(state === undefined ? {} : { state }) };
}
