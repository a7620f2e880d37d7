import type { ConnectorEvent } from "@sandi/contracts";
import { longBuckets, type Meter } from "../metrics.ts";
import type { Services } from "../services.ts";
import { outboxDepth } from "../store/outbox.ts";
import type { Store } from "../store/store.ts";

/** What is counted and timed of events on their way to the edge. */
export interface OutboxMetrics {
  delivered(events: readonly ConnectorEvent[]): void;
  parked(): void;
}

export function outboxMetrics(meter: Meter, store: Store, { now }: Pick<Services, "now">): OutboxMetrics {
  const secondsSince = (at: number) => (now().getTime() - at) / 1000;
  meter.gauge("sandi_outbox_waiting", "Events that wait for the edge.", async () => (await outboxDepth(store)).waiting);
  meter.gauge(
    "sandi_outbox_parked",
    "Events that are set aside, because the edge refused them or failed at them again and again.",
    async () => (await outboxDepth(store)).parked,
  );
  meter.gauge("sandi_outbox_age_seconds", "Age of the oldest event that waits.", async () => {
    const { oldestAt } = await outboxDepth(store);
    return oldestAt ? secondsSince(oldestAt.getTime()) : 0;
  });
  const delivered = meter.counter("sandi_events_delivered_total", "Events that the edge accepted.");
  const parked = meter.counter("sandi_events_parked_total", "Events that were set aside.");
  const seconds = meter.histogram("sandi_outbox_seconds", "From an event to the edge having it.", longBuckets);
  return {
    delivered(events) {
      delivered.inc(events.length);
      for (const { at } of events) seconds.observe(Math.max(0, secondsSince(Date.parse(at))));
    },
    parked: () => parked.inc(),
  };
}
