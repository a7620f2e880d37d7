import type { ConnectorEvent } from "@sandi/contracts";
import type { AtRest } from "@sandi/crypto";
import type { Logger } from "pino";
import type { CallEdge } from "../edge.ts";
import { type Services, sleep } from "../services.ts";
import { type OutboxRow, parkInOutbox, readOutbox } from "../store/outbox.ts";
import { openEvent } from "../store/sealed-events.ts";
import type { Store } from "../store/store.ts";
import { createCourier } from "./courier.ts";

/**
 * Delivers events to the edge: at least once, in order per session, in batches over all sessions. A session whose events
 * the edge fails at waits alone; the others continue.
 */
export interface Outbox {
  /** Starts a delivery, because events were appended. */
  deliver: () => void;
  /** Resolves when the outbox is empty or the time is over, with whether it is empty. */
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

/** A session whose events the edge fails at; it waits alone. */
interface Held {
  failures: number;
  /** When it is tried again. Milliseconds since the epoch. */
  until: number;
  /** How many batches had been delivered when it failed. If there are more now, the edge accepts events of others. */
  deliveries: number;
}

const batchSize = 200;
/** An ack and the receipts that follow it at once share a batch, which halves the cost of a message at both ends. */
const gatherMs = 10;
const firstRetryMs = 200;
const maxRetryMs = 5000;
/** A failing session that waits does not delay the others. */
const maxHeldMs = 60_000;
/** After about four minutes. By then the oldest event is sent alone, so it is the cause. */
const failuresUntilParked = 12;
/** After 4, 8, 16 … failures in a row it searches for sessions whose events make the edge fail. */
const failuresUntilSearch = 4;

export function createOutbox(options: Options): Outbox {
  const { services, store, atRest, connectorId, logger } = options;
  const life = { isStopped: false };
  const courier = createCourier({ ...options, park, onFailing: hold, onDelivered: delivered });
  const held = new Map<string, Held>();
  let isRequested = false;
  let running: Promise<void> | undefined;
  let failures = 0;
  let deliveries = 0;
  /** Ends the current wait: `early` at a flush or a stop, `appended` when events of other sessions are appended. */
  let wake: { early?: () => void; appended?: () => void } = {};

  async function run(): Promise<void> {
    do {
      await sleep(services, gatherMs);
      isRequested = false;
      try {
        while (!life.isStopped && (await deliverSome())) failures = 0;
        failures = 0;
      } catch (error) {
        isRequested = true;
        await backOff(error);
        continue;
      }
      if (!isRequested && held.size > 0) await waitForHeld();
    } while (!life.isStopped && (isRequested || held.size > 0));
    running = undefined;
  }

  /** Delivers a batch of the sessions that are not held, and one held session that is due; true when more may wait. */
  async function deliverSome(): Promise<boolean> {
    const rows = await readOutbox(store, connectorId, { limit: batchSize, without: [...held.keys()] });
    const isWide = failures >= failuresUntilSearch && Number.isInteger(Math.log2(failures));
    if (rows.length > 0) await courier.carry((await Promise.all(rows.map(opened))).flat(), isWide);
    const now = services.now().getTime();
    const due = [...held].find(([, { until }]) => until <= now);
    if (due) await retry(...due);
    return rows.length === batchSize || rows.at(-1)?.isCut === true || due !== undefined;
  }

  /** Tries a held session alone, with fewer events each time, down to the oldest one. */
  async function retry(sessionId: string, before: Held): Promise<void> {
    const limit = Math.max(1, batchSize >> before.failures);
    const rows = await readOutbox(store, connectorId, { limit, only: sessionId });
    const [first] = rows;
    try {
      await courier.carry((await Promise.all(rows.map(opened))).flat(), false);
    } catch (error) {
      if (deliveries === before.deliveries) throw error;
      hold(sessionId);
    }
    const after = held.get(sessionId);
    if (after === before) held.delete(sessionId);
    if (!first || !after || after.failures < failuresUntilParked) return;
    held.delete(sessionId);
    await park(first.seq);
    logger.error({ seq: first.seq, sessionId }, "the edge keeps failing at an event; it is parked");
  }

  function hold(sessionId: string): void {
    const count = (held.get(sessionId)?.failures ?? 0) + 1;
    if (count === 1) logger.warn({ sessionId }, "the edge fails at a session's events; they wait alone");
    const waitMs = jittered(Math.min(maxHeldMs, firstRetryMs * 2 ** (count - 1)));
    held.set(sessionId, { failures: count, until: services.now().getTime() + waitMs, deliveries });
  }

  /** The event; none when its key is missing. Then it is parked, so that it does not block the others. */
  async function opened({ seq, body, content }: OutboxRow): Promise<ConnectorEvent[]> {
    try {
      return [{ ...(await openEvent(atRest, body, content)), seq }];
    } catch (error) {
      await park(seq);
      logger.error({ seq, error }, "an event could not be opened; it is parked");
      return [];
    }
  }

  function delivered(events: readonly ConnectorEvent[]): void {
    deliveries++;
    options.onDelivered(events);
  }

  async function park(seq: number): Promise<void> {
    await parkInOutbox(store, seq, services.now());
    options.onParked();
  }

  async function backOff(error: unknown): Promise<void> {
    const capMs = Math.min(maxRetryMs, firstRetryMs * 2 ** failures);
    if (failures++ === 0) logger.warn({ error: String(error) }, "the edge does not accept events; they wait");
    await wait(jittered(capMs), ["early"]);
  }

  async function waitForHeld(): Promise<void> {
    const next = Math.min(...[...held.values()].map(({ until }) => until));
    await wait(Math.max(0, next - services.now().getTime()), ["early", "appended"]);
  }

  async function wait(ms: number, endedBy: (keyof typeof wake)[]): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = services.after(ms, resolve);
      const end = () => {
        cancel();
        resolve();
      };
      wake = Object.fromEntries(endedBy.map((name) => [name, end]));
    });
    wake = {};
  }

  const jittered = (ms: number) => ms * (0.5 + services.chance() / 2);

  return {
    deliver() {
      isRequested = true;
      wake.appended?.();
      if (!life.isStopped) running ??= run();
    },
    async flush(limitMs) {
      for (const waiting of held.values()) waiting.until = 0;
      this.deliver();
      wake.early?.();
      const isOver = new Promise<false>((resolve) => services.after(limitMs, () => resolve(false)));
      return Promise.race([isOver, (running ?? Promise.resolve()).then(() => true as const)]);
    },
    stop() {
      life.isStopped = true;
      wake.early?.();
    },
  };
}
