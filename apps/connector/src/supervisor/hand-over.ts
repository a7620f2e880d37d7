import type { Logger } from "pino";
import type { SessionMetrics } from "../session/metrics.ts";
import type { Services } from "../services.ts";
import type { LiveSession } from "../session/live.ts";
import { hasFreeSessions, releaseLeases } from "../store/leases.ts";
import type { Store } from "../store/store.ts";

/** Gives sessions to other connectors, in the background because a socket can take long to close. */
export interface HandOver {
  /** Releases this many sessions, unless sessions that were released earlier still have no owner. */
  start(count: number): void;
  /** Resolves when no hand-over is running. */
  idle(): Promise<void>;
}

interface Options {
  services: Pick<Services, "now">;
  store: Store;
  sessions: Map<string, LiveSession>;
  /** Delivers the outbox to the edge, as far as possible. */
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
      // A session whose lease could not be released is adopted again at the next renewal.
      for (const live of given) {
        if (sessions.get(live.fence.sessionId) === live) sessions.delete(live.fence.sessionId);
      }
    }
    metrics.leases.inc({ change: "handed_over" }, given.length);
    logger.info({ sessions: given.length }, "sessions released for other connectors");
  }

  return {
    start(count) {
      if (count <= 0 || moving) return;
      moving = give(count)
        .catch((error: unknown) => logger.warn({ error }, "sessions could not be released for other connectors"))
        .finally(() => (moving = undefined));
    },
    idle: async () => moving,
  };
}
