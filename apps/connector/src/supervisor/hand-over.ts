import type { Logger } from "pino";
import type { SessionMetrics } from "../session/metrics.ts";
import type { Services } from "../services.ts";
import type { LiveSession } from "../session/live.ts";
import { hasFreeSessions, releaseLeases } from "../store/leases.ts";
import type { Store } from "../store/store.ts";

/** Gives sessions to other connectors, beside the renewals, for a socket may take its time to close. */
export interface HandOver {
  /** Gives up so many for others to take, unless some that were given up are still without an owner. */
  start(count: number): void;
  /** Resolves when none is on its way. */
  idle(): Promise<void>;
}

interface Options {
  services: Pick<Services, "now">;
  store: Store;
  sessions: Map<string, LiveSession>;
  /** Brings what the sessions learned to the edge, as far as it takes it. */
  flush: () => Promise<unknown>;
  logger: Logger;
  metrics: Pick<SessionMetrics, "leases">;
}

const isOnline = ({ session }: LiveSession) => Number(session.machine.state === "online");

export function createHandOver({ services, store, sessions, flush, logger, metrics }: Options): HandOver {
  let moving: Promise<void> | undefined;

  async function give(count: number): Promise<void> {
    if (await hasFreeSessions(store)) return;
    const given = [...sessions.values()].toSorted((a, b) => isOnline(a) - isOnline(b)).slice(0, count);
    const fences = given.map(({ fence }) => fence);
    try {
      await Promise.all(given.map((live) => live.stop()));
      await flush();
      await releaseLeases(store, fences, services.now());
    } finally {
      // Those whose lease could not be given back are taken up again with the next renewal.
      for (const live of given) {
        if (sessions.get(live.fence.sessionId) === live) sessions.delete(live.fence.sessionId);
      }
    }
    metrics.leases.inc({ change: "handed_over" }, given.length);
    logger.info({ sessions: given.length }, "sessions given to other connectors");
  }

  return {
    start(count) {
      if (count <= 0 || moving) return;
      moving = give(count)
        .catch((error: unknown) => logger.warn({ error }, "sessions could not be given to other connectors"))
        .finally(() => (moving = undefined));
    },
    idle: async () => moving,
  };
}
