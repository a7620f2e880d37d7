import type { Counter, Gauge } from "prom-client";
import type { Meter } from "../metrics.ts";

/** What is counted of sessions and their leases. */
export interface SessionMetrics {
  limitReads: Counter<"result">;
  breakersOpen: Gauge;
  closes: Counter<"reason">;
  leases: Counter<"change">;
}

export function sessionMetrics({ counter, gauge }: Meter): SessionMetrics {
  return {
    limitReads: counter("sandi_limit_reads_total", "Reads of an account's limits from WhatsApp, by result.", "result"),
    breakersOpen: gauge("sandi_breaker_open", "Sessions whose sending is paused."),
    closes: counter("sandi_closes_total", "Closed sockets, by reason.", "reason"),
    leases: counter(
      "sandi_lease_changes_total",
      "Leases taken, renewed_late, lost to another process, released and handed_over.",
      "change",
    ),
  };
}
