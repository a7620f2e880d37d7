import { type ConnectorEvent, eventsPath } from "@sandi/contracts";
import type { Logger } from "pino";
import type { CallEdge } from "../edge.ts";
import { deleteFromOutbox } from "../store/outbox.ts";
import type { Store } from "../store/store.ts";

/** Brings events to the edge, and finds out whose they are when it does not take them. */
export interface Courier {
  /**
   * Delivers a batch, tells of the sessions whose events the edge fails at, and parks events that it refuses. Rejects when
   * the edge takes nothing, or does not answer.
   * @param isWide looks for such sessions whatever the edge answers, and if it does not; else only when it fails (500)
   */
  carry(events: ConnectorEvent[], isWide: boolean): Promise<void>;
}

interface Options {
  store: Store;
  callEdge: CallEdge;
  connectorId: string;
  logger: Logger;
  onDelivered(events: readonly ConnectorEvent[]): void;
  /** The session's events alone are not taken; they are still here. */
  onFailing(sessionId: string): void;
  park(seq: number): Promise<void>;
}

/** What is known while one batch is being delivered. */
interface Search {
  readonly isWide: boolean;
  /** The sessions, each with the edge's answer to its events alone. */
  readonly failing: Map<string, number>;
  failuresInRow: number;
  hasDelivered: boolean;
}

const timeoutMs = 15_000;
/** A batch of 200 sessions is halved eight times down to one; twice that without a success, and it is the edge. */
const mostFailures = 16;

export function createCourier(options: Options): Courier {
  const { store, callEdge, connectorId, logger } = options;

  async function deliver(all: ConnectorEvent[], search: Search): Promise<void> {
    // What follows an event that is still here waits behind it.
    const events = all.filter(({ sessionId }) => !search.failing.has(sessionId));
    const [event] = events;
    if (!event) return;
    const status = await tell(events, search.isWide);
    if (status >= 200 && status < 300) {
      search.failuresInRow = 0;
      search.hasDelivered = true;
      const seqs = events.map(({ seq }) => seq);
      await deleteFromOutbox(store, seqs);
      options.onDelivered(events);
    } else if (isAboutTheEvents(status)) {
      search.failuresInRow = 0;
      if (events.length > 1) return deliverHalves(events, search);
      const { seq, id, type } = event;
      await options.park(seq);
      logger.error({ seq, eventId: id, type, status }, "the edge refuses an event; it is parked");
    } else {
      if (status !== 500 && !search.isWide) throw new Error(`the edge answered events with ${status}`);
      if (++search.failuresInRow >= mostFailures) throw new Error(`the edge answers any events with ${status}`);
      const sessions = [...Map.groupBy(events, ({ sessionId }) => sessionId).values()];
      if (sessions.length > 1) return deliverHalves(sessions, search);
      search.failing.set(event.sessionId, status);
    }
  }

  /** In halves of events, or of sessions with their events. */
  async function deliverHalves(items: ConnectorEvent[] | ConnectorEvent[][], search: Search): Promise<void> {
    const middle = Math.ceil(items.length / 2);
    await deliver(items.slice(0, middle).flat(), search);
    await deliver(items.slice(middle).flat(), search);
  }

  /** The status of the answer; 0 without one, where that is to be looked into. */
  async function tell(events: ConnectorEvent[], isWide: boolean): Promise<number> {
    try {
      const { status } = await callEdge(eventsPath, { connectorId, events }, timeoutMs);
      return status;
    } catch (error) {
      if (isWide) return 0;
      throw error;
    }
  }

  return {
    async carry(events, isWide) {
      const search: Search = { isWide, failing: new Map(), failuresInRow: 0, hasDelivered: false };
      try {
        await deliver(events, search);
      } finally {
        for (const [sessionId, status] of search.failing) {
          // Any other answer says something of a session only while others get through.
          if (status !== 500 && !search.hasDelivered) continue;
          search.failing.delete(sessionId);
          options.onFailing(sessionId);
        }
      }
      for (const status of search.failing.values()) throw new Error(`the edge answered events with ${status}`);
    },
  };
}

/** A refusal of what was sent, as against of who sent it, how often, or when. */
function isAboutTheEvents(status: number): boolean {
  return status === 400 || status === 413 || status === 422;
}
