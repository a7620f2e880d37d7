import { Gauge } from "prom-client";
import type { Context } from "../context.ts";
import type { Addresses } from "../fleet/addresses.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { Sessions } from "../session/feature.ts";
import { createSupervisor, type Supervisor } from "./supervisor.ts";

interface Options {
  outbox: Outbox;
  sessions: Sessions;
  addresses: Addresses;
  flushMs: number;
}

/** The supervisor of the sessions that this process holds. */
export function openSupervisor(context: Context, { outbox, sessions, addresses, flushMs }: Options): Supervisor {
  const { config, meter } = context;
  const supervisor: Supervisor = createSupervisor({
    ...context,
    addresses,
    owner: config.connectorId,
    url: config.internalUrl,
    leaseMs: config.leaseMs,
    capacity: config.sessionCapacity,
    connectPerSecond: config.connectPerSecond,
    metrics: sessions.metrics,
    onAppended: outbox.deliver,
    flush: () => outbox.flush(flushMs),
    adopt: (row, connectAfterMs) => sessions.adopt(row, { connectAfterMs, onGone: (live) => supervisor.gone(live) }),
  });
  void new Gauge({
    name: "sandi_sessions",
    help: "Sessions held by this connector, by state.",
    labelNames: ["state"],
    registers: [meter.registry],
    collect() {
      this.reset();
      for (const [state, count] of supervisor.countByState()) this.set({ state }, count);
    },
  });
  return supervisor;
}
