import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { OutboxDepth } from "./store/outbox.ts";

/** The parts of sending a message that take time. */
export type Stage = "turn" | "claim" | "lookUp" | "ack";

/** What `/metrics` shows; a registry of its own, so that two connectors fit into one process. */
export interface Metrics {
  registry: Registry;
  sends: Counter<"result">;
  sendSeconds: Histogram;
  acceptedToAckSeconds: Histogram;
  stageSeconds: Record<Stage, Histogram>;
  revokes: Counter<"result">;
  limitReads: Counter<"result">;
  breakersOpen: Gauge;
  paced: Counter<"lane">;
  closes: Counter<"reason">;
  leases: Counter<"change">;
  forwarded: Counter<"kind" | "result">;
  eventsDelivered: Counter;
  eventsParked: Counter;
  outboxSeconds: Histogram;
  keyStore: Record<"reads" | "writes", { seconds: Histogram; rows: Counter }>;
}

interface Sources {
  sessionsByState(): Map<string, number>;
  outbox(): Promise<OutboxDepth>;
  jobsUnderway(): number;
  spansDropped(): number;
  now(): Date;
}

/** From an exchange on one machine to an answer that was waited for in vain. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** What can wait for a queue, an outage or a person. */
const longBuckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];

/** No label holds a session, a number or anything else of which there are many. */
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
  void new Gauge({
    name: "sandi_jobs_underway",
    help: "Jobs that are being done.",
    registers,
    collect() {
      this.set(sources.jobsUnderway());
    },
  });
  void new Counter({
    name: "sandi_spans_dropped_total",
    help: "Spans that found no room, or that the collector did not want.",
    registers,
    collect() {
      this.reset();
      this.inc(sources.spansDropped());
    },
  });
  const histogram = (name: string, help: string, of = buckets) => new Histogram({ name, help, buckets: of, registers });
  const counter = (name: string, help: string) => new Counter({ name, help, registers });
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
  outboxGauge(
    "sandi_outbox_parked",
    "Events that the edge refused, or failed at again and again.",
    ({ parked }) => parked,
  );
  outboxGauge("sandi_outbox_age_seconds", "Age of the oldest event that waits.", ({ oldestAt }) =>
    oldestAt ? (sources.now().getTime() - oldestAt.getTime()) / 1000 : 0,
  );
  return {
    registry,
    sends: new Counter({ name: "sandi_sends_total", help: "Send jobs, by result.", labelNames: ["result"], registers }),
    sendSeconds: histogram("sandi_send_seconds", "From a job's arrival to the server's ack."),
    acceptedToAckSeconds: histogram(
      "sandi_accepted_to_ack_seconds",
      "From the API's taking a message to the server's ack.",
      longBuckets,
    ),
    stageSeconds: {
      turn: histogram("sandi_turn_wait_seconds", "Waiting for a bulk message's turn.", longBuckets),
      claim: histogram("sandi_claim_seconds", "Asking the edge for a message."),
      lookUp: histogram("sandi_look_up_seconds", "Finding the account of a number."),
      ack: histogram("sandi_ack_wait_seconds", "From a message's leaving to the server's ack."),
    },
    revokes: new Counter({
      name: "sandi_revokes_total",
      help: "Revoke jobs, by result.",
      labelNames: ["result"],
      registers,
    }),
    limitReads: new Counter({
      name: "sandi_limit_reads_total",
      help: "Questions to WhatsApp what an account may do, by result.",
      labelNames: ["result"],
      registers,
    }),
    paced: new Counter({
      name: "sandi_paced_total",
      help: "Messages whose turn came, by lane.",
      labelNames: ["lane"],
      registers,
    }),
    breakersOpen: new Gauge({ name: "sandi_breaker_open", help: "Sessions whose sending is paused.", registers }),
    closes: new Counter({
      name: "sandi_closes_total",
      help: "Closed sockets, by reason.",
      labelNames: ["reason"],
      registers,
    }),
    leases: new Counter({
      name: "sandi_lease_changes_total",
      help: "Leases taken, renewed_late, lost to another process, released and handed_over.",
      labelNames: ["change"],
      registers,
    }),
    forwarded: new Counter({
      name: "sandi_forwarded_total",
      help: "Jobs and calls handed to another connector, by kind and by what it answered.",
      labelNames: ["kind", "result"],
      registers,
    }),
    eventsDelivered: counter("sandi_events_delivered_total", "Events the edge took."),
    eventsParked: counter("sandi_events_parked_total", "Events the edge refused."),
    outboxSeconds: histogram("sandi_outbox_seconds", "From learning something to the edge's having it.", longBuckets),
    keyStore: {
      reads: {
        seconds: histogram("sandi_key_store_read_seconds", "Reading WhatsApp keys from the database."),
        rows: counter("sandi_key_store_read_rows_total", "WhatsApp keys asked of the database."),
      },
      writes: {
        seconds: histogram("sandi_key_store_write_seconds", "Storing WhatsApp keys."),
        rows: counter("sandi_key_store_write_rows_total", "WhatsApp keys stored or deleted."),
      },
    },
  };
}
