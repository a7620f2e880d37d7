import { type ConnectorEvent, type EventBatch, eventsPath } from "@sandi/contracts";
import type { AtRest } from "@sandi/crypto";
import type { Logger } from "pino";
import type { CallEdge } from "../edge.ts";
import { type Services, sleep } from "../services.ts";
import { deleteFromOutbox, type OutboxRow, parkInOutbox, readOutbox } from "../store/outbox.ts";
import { openEvent } from "../store/sealed-events.ts";
import type { Store } from "../store/store.ts";

/** Carries what was learned to the edge: at least once, in order, one batch at a time. */
export interface Outbox {
  /** Something was appended. */
  poke: () => void;
  /** Resolves when the outbox is empty or the time is over; answers whether it is empty. */
  flush(timeoutMs: number): Promise<boolean>;
  stop(): void;
}

interface Options {
  services: Pick<Services, "now" | "after" | "chance">;
  store: Store;
  atRest: (sessionId: string) => AtRest;
  callEdge: CallEdge;
  connectorId: string;
  logger: Logger;
  onDelivered(events: readonly ConnectorEvent[]): void;
  onParked(): void;
}

const batchSize = 200;
/** An ack and the receipts that follow it at once share a batch, which halves the cost of a message at both ends. */
const gatherMs = 10;
const timeoutMs = 15_000;
const firstRetryMs = 200;
const maxRetryMs = 5000;

export function createOutbox(options: Options): Outbox {
  const { services, store, atRest, callEdge, connectorId, logger } = options;
  const life = { isStopped: false };
  let isPoked = false;
  let running: Promise<void> | undefined;
  let failures = 0;
  let wake: (() => void) | undefined;

  async function run(): Promise<void> {
    await sleep(services, gatherMs);
    while (isPoked && !life.isStopped) {
      isPoked = false;
      try {
        while (!life.isStopped) {
          const rows = await readOutbox(store, connectorId, batchSize);
          if (rows.length === 0) break;
          await deliver((await Promise.all(rows.map(opened))).flat());
          failures = 0;
        }
      } catch (error) {
        isPoked = true;
        await backOff(error);
      }
    }
    running = undefined;
  }

  /** The event, or none when its key is gone: it is parked then, for it must not hold up the others. */
  async function opened({ seq, body }: OutboxRow): Promise<ConnectorEvent[]> {
    try {
      return [{ ...(await openEvent(atRest, body)), seq }];
    } catch (error) {
      await park(seq);
      logger.error({ seq, error }, "an event could not be opened; it is parked");
      return [];
    }
  }

  /** Stores the events at the edge and deletes them here; what the edge finds wrong is searched for and parked. */
  async function deliver(events: ConnectorEvent[]): Promise<void> {
    const [event] = events;
    if (!event) return;
    const batch: EventBatch = { connectorId, events };
    const { status } = await callEdge(eventsPath, batch, timeoutMs);
    if (status >= 200 && status < 300) {
      await deleteFromOutbox(
        store,
        events.map(({ seq }) => seq),
      );
      options.onDelivered(events);
      return;
    }
    if (!isAboutTheEvents(status)) throw new Error(`the edge answered events with ${status}`);
    if (events.length === 1) {
      const { seq, id, type } = event;
      await park(seq);
      logger.error({ seq, eventId: id, type, status }, "the edge refuses an event; it is parked");
      return;
    }
    const middle = Math.ceil(events.length / 2);
    await deliver(events.slice(0, middle));
    await deliver(events.slice(middle));
  }

  async function park(seq: number): Promise<void> {
    await parkInOutbox(store, seq, services.now());
    options.onParked();
  }

  async function backOff(error: unknown): Promise<void> {
    const capMs = Math.min(maxRetryMs, firstRetryMs * 2 ** failures);
    if (failures++ === 0) logger.warn({ error: String(error) }, "the edge does not take events; they wait");
    await new Promise<void>((resolve) => {
      const cancel = services.after(capMs * (0.5 + services.chance() / 2), resolve);
      wake = () => {
        cancel();
        resolve();
      };
    });
    wake = undefined;
  }

  return {
    poke() {
      isPoked = true;
      if (!life.isStopped) running ??= run();
    },
    async flush(limitMs) {
      this.poke();
      wake?.();
      const isOver = new Promise<false>((resolve) => services.after(limitMs, () => resolve(false)));
      return Promise.race([isOver, (running ?? Promise.resolve()).then(() => true as const)]);
    },
    stop() {
      life.isStopped = true;
      wake?.();
    },
  };
}

/** A refusal of what was sent, as against of who sent it, how often, or when. */
function isAboutTheEvents(status: number): boolean {
  return status === 400 || status === 413 || status === 422;
}
