import { type Resource, toOtlp } from "./otlp.ts";
import type { EndedSpan } from "./span.ts";

/**
 * Sends spans to an OpenTelemetry collector (OTLP/HTTP, JSON). Our own rather than @opentelemetry/*, which is larger than
 * what the edge has room for: so both apps have the same one.
 */
export interface Exporter {
  add(span: EndedSpan): void;
  /** Sends what waits. What the collector could not take now waits on; it never rejects. */
  flush(): Promise<void>;
  readonly waiting: number;
  /** How many spans were thrown away: there was no room, or the collector did not want them. */
  readonly dropped: number;
}

interface Options {
  /** Where the collector is, as in `OTEL_EXPORTER_OTLP_ENDPOINT`: `/v1/traces` is added. */
  endpoint: string;
  headers: Record<string, string>;
  resource: Resource;
  fetch: typeof fetch;
  /** Told once per outage. */
  onOutage: (cause: unknown) => void;
  /** Spans that may wait. */
  room?: number;
}

const batchSize = 512;
const timeoutMs = 5_000;

export function createExporter({ endpoint, headers, resource, fetch, onOutage, room = 2_048 }: Options): Exporter {
  const url = `${endpoint.replace(/\/+$/, "")}/v1/traces`;
  const queue: EndedSpan[] = [];
  let dropped = 0;
  let isOut = false;

  /** True when the collector has them, or never will. */
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
      tell(new Error(`the collector answered ${response.status}`));
      if (response.status === 429 || response.status >= 500) return false;
      dropped += spans.length;
      return true;
    } catch (cause) {
      tell(cause);
      return false;
    }
  }

  function tell(cause: unknown): void {
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
        // Taken out before the call: two flushes at a time send nothing twice.
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

/** `OTEL_EXPORTER_OTLP_HEADERS`: `name=value` with commas between them, values URL-encoded. Throws without quoting it. */
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
