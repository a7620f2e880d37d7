import { type ConnectorEvent, EventsAnswer, eventsPath } from "@sandi/contracts";
import type { Logger } from "pino";
import type { CallEdge } from "../edge.ts";
import { storeContentMs } from "../store/messages.ts";
import { deleteFromOutbox } from "../store/outbox.ts";
import type { Store } from "../store/store.ts";

/** Delivers events to the edge. When the edge does not accept a batch, it finds the sessions or events that are the cause. */
export interface Courier {
  /**
   * Delivers a batch, calls `onFailing` for sessions whose events make the edge fail, and parks events that it refuses.
   * Rejects when the edge accepts nothing, or does not answer.
   * @param isWide searches for such sessions at any error and at no answer; otherwise only at 500
   */
  carry(events: ConnectorEvent[], isWide: boolean): Promise<void>;
}

interface Options {
  store: Store;
  callEdge: CallEdge;
  connectorId: string;
  logger: Logger;
  onDelivered(events: readonly ConnectorEvent[]): void;
  /** The edge fails at this session's events; they stay in the outbox. */
  onFailing(sessionId: string): void;
  park(seq: number): Promise<void>;
}

/** What is known while one batch is being delivered. */
interface Search {
  readonly isWide: boolean;
  /** Failing sessions, each with the edge's status for its events alone. */
  readonly failing: Map<string, number>;
  failuresInRow: number;
  hasDelivered: boolean;
}

const timeoutMs = 15_000;
/** Eight halvings lead from 200 sessions to one. Twice as many failures without a success: the edge itself is the cause. */
const mostFailures = 16;

export function createCourier(options: Options): Courier {
  const { store, callEdge, connectorId, logger } = options;

  async function deliver(all: ConnectorEvent[], search: Search): Promise<void> {
    // Later events of a failing session wait behind the one that fails.
    const events = all.filter(({ sessionId }) => !search.failing.has(sessionId));
    const [event] = events;
    if (!event) return;
    const status = await post(events, search.isWide);
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

  /** Splits events, or sessions with all their events, in two. */
  async function deliverHalves(items: ConnectorEvent[] | ConnectorEvent[][], search: Search): Promise<void> {
    const middle = Math.ceil(items.length / 2);
    await deliver(items.slice(0, middle).flat(), search);
    await deliver(items.slice(middle).flat(), search);
  }

  /** The status of the answer. Without an answer: 0 when `isWide`, otherwise it rejects. */
  async function post(events: ConnectorEvent[], isWide: boolean): Promise<number> {
    try {
      const { status, body } = await callEdge(eventsPath, { connectorId, events }, timeoutMs);
      const { contentMs = {} } = EventsAnswer.safeParse(body).data ?? {};
      if (Object.keys(contentMs).length > 0) await storeContentMs(store, contentMs);
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
          // Any other status counts against a session only when the edge accepted events of others.
          if (status !== 500 && !search.hasDelivered) continue;
          search.failing.delete(sessionId);
          options.onFailing(sessionId);
        }
      }
      for (const status of search.failing.values()) throw new Error(`the edge answered events with ${status}`);
    },
  };
}

/** A refusal of the events themselves, not of the sender, the rate or the time. */
function isAboutTheEvents(status: number): boolean {
  return status === 400 || status === 413 || status === 422;
}
