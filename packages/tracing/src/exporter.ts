import { type Resource, toOtlp } from "./otlp.ts";
import type { EndedSpan } from "./span.ts";

/**
 * Sends spans to an OpenTelemetry collector (OTLP/HTTP, JSON). The packages of @opentelemetry are too large for the
 * Worker, so both apps use this exporter.
 */
export interface Exporter {
  add(span: EndedSpan): void;
  /** Sends the waiting spans. Spans that the collector cannot take now wait for the next flush. Never rejects. */
  flush(): Promise<void>;
  readonly waiting: number;
  /** The number of spans that were thrown away: the queue was full, or the collector refused them. */
  readonly dropped: number;
}

interface Options {
  /** The value of `OTEL_EXPORTER_OTLP_ENDPOINT`. `/v1/traces` is added. */
  endpoint: string;
  headers: Record<string, string>;
  resource: Resource;
  fetch: typeof fetch;
  /** Called once for each outage. */
  onOutage: (cause: unknown) => void;
  /** The most spans that wait. */
  room?: number;
}

const batchSize = 512;
const timeoutMs = 5_000;

export function createExporter({ endpoint, headers, resource, fetch, onOutage, room = 2_048 }: Options): Exporter {
  const url = `${endpoint.replace(/\/+$/, "")}/v1/traces`;
  const queue: EndedSpan[] = [];
  let dropped = 0;
  let isOut = false;

  /** True when the spans are done: the collector has them, or refused them for good. */
  async function send(spans: EndedSpan[]): Promise<boolean> {
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: JSON.stringify(toOtlp(resource, spans)),
        redirect: "manual",
        signal: AbortSignal.timeout(timeoutMs),
      });
      await response.body?.cancel();
      isOut &&= !response.ok;
      if (response.ok) return true;
      reportOutage(new Error(`the collector answered ${response.status}`));
      if (response.status === 429 || response.status >= 500) return false;
      dropped += spans.length;
      return true;
    } catch (cause) {
      reportOutage(cause);
      return false;
    }
  }

  function reportOutage(cause: unknown): void {
    if (!isOut) onOutage(cause);
    isOut = true;
  }

  return {
    add(span) {
      if (queue.length < room) queue.push(span);
      else dropped++;
    },
    async flush() {
      while (queue.length > 0) {
        // Removed before the call, so that two flushes at a time send no span twice.
        const spans = queue.splice(0, batchSize);
        if (await send(spans)) continue;
        const kept = spans.slice(0, Math.max(0, room - queue.length));
        dropped += spans.length - kept.length;
        queue.unshift(...kept);
        return;
      }
    },
    get waiting() {
      return queue.length;
    },
    get dropped() {
      return dropped;
    },
  };
}

/** Parses `OTEL_EXPORTER_OTLP_HEADERS`: `name=value[,name=value]`, values URL-encoded. The error never shows the text. */
export function parseOtlpHeaders(text: string): Record<string, string> {
  const pairs = text.split(",").filter((each) => each.trim() !== "");
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      const name = pair.slice(0, Math.max(0, at)).trim().toLowerCase();
      if (!/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) throw new Error("not a list of name=value");
      return [name, decodeURIComponent(pair.slice(at + 1).trim())];
    }),
  );
}
