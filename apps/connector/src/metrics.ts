import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { OutboxDepth } from "./store/outbox.ts";

/** What `/metrics` shows; a registry of its own, so that two connectors fit into one process. */
export interface Metrics {
  registry: Registry;
  sends: Counter<"result">;
  sendSeconds: Histogram;
  revokes: Counter<"result">;
  reconnects: Counter<"reason">;
  leasesLost: Counter;
  forwarded: Counter<"result">;
  eventsDelivered: Counter;
  eventsParked: Counter;
}

interface Sources {
  sessionsByState(): Map<string, number>;
  outbox(): Promise<OutboxDepth>;
  now(): Date;
}

export function createMetrics(sources: Sources, { withProcess }: { withProcess: boolean }): Metrics {
  const registry = new Registry();
  const registers = [registry];
  if (withProcess) collectDefaultMetrics({ register: registry, prefix: "sandi_connector_" });
  void new Gauge({
    name: "sandi_sessions",
    help: "Sessions held by this connector, by state.",
    labelNames: ["state"],
    registers,
    collect() {
      this.reset();
      for (const [state, count] of sources.sessionsByState()) this.set({ state }, count);
    },
  });
  const outboxGauge = (name: string, help: string, read: (depth: OutboxDepth) => number) =>
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        this.set(read(await sources.outbox()));
      },
    });
  outboxGauge("sandi_outbox_waiting", "Events that wait for the edge.", ({ waiting }) => waiting);
  outboxGauge("sandi_outbox_parked", "Events that the edge refused.", ({ parked }) => parked);
  outboxGauge("sandi_outbox_age_seconds", "Age of the oldest event that waits.", ({ oldestAt }) =>
    oldestAt ? (sources.now().getTime() - oldestAt.getTime()) / 1000 : 0,
  );
  return {
    registry,
    sends: new Counter({ name: "sandi_sends_total", help: "Send jobs, by result.", labelNames: ["result"], registers }),
    sendSeconds: new Histogram({
      name: "sandi_send_seconds",
      help: "From a job's arrival to the server's ack.",
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    revokes: new Counter({
      name: "sandi_revokes_total",
      help: "Revoke jobs, by result.",
      labelNames: ["result"],
      registers,
    }),
    reconnects: new Counter({
      name: "sandi_closes_total",
      help: "Closed sockets, by reason.",
      labelNames: ["reason"],
      registers,
    }),
    leasesLost: new Counter({
      name: "sandi_leases_lost_total",
      help: "Sessions that another process took.",
      registers,
    }),
    forwarded: new Counter({
      name: "sandi_forwarded_total",
      help: "Jobs and calls handed to the connector that owns the session, by what it answered.",
      labelNames: ["result"],
      registers,
    }),
    eventsDelivered: new Counter({ name: "sandi_events_delivered_total", help: "Events the edge took.", registers }),
    eventsParked: new Counter({ name: "sandi_events_parked_total", help: "Events the edge refused.", registers }),
  };
}
