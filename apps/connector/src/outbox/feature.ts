import type { Context } from "../context.ts";
import type { Feature } from "../feature.ts";
import { outboxMetrics } from "./metrics.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import { retryParked } from "./retry-parked.ts";

/** The outbox, and the sweep that tries parked events again. */
export function outboxFeature(context: Context): Feature & { outbox: Outbox } {
  const { services, store, meter, config, run } = context;
  const metrics = outboxMetrics(meter, store, services);
  const outbox = createOutbox({
    ...context,
    connectorId: run,
    onDelivered: (events) => metrics.delivered(events),
    onParked: () => metrics.parked(),
  });
  const { ledgerDays } = config;
  return { outbox, sweeps: [retryParked({ services, store, ledgerDays, onRetry: outbox.deliver })] };
}
