import type { Exchange } from "./exchange.ts";
import { parseFilter } from "./filter.ts";
import type { DeadLetter } from "./message.ts";
import type { Store } from "./store.ts";

const keptMs = 3 * 24 * 3_600_000;

/** Messages that failed after all retries. They are kept for three days, and can be read, retried or deleted. */
export class DeadLetters {
  readonly #store: Store;
  readonly #exchange: Exchange;
  readonly #now: () => number;

  constructor(store: Store, exchange: Exchange, now: () => number) {
    this.#store = store;
    this.#exchange = exchange;
    this.#now = now;
  }

  get(dlqId: string): DeadLetter | undefined {
    return this.#all().find((letter) => letter.dlqId === dlqId);
  }

  /** One page, newest first. */
  list(query: URLSearchParams): { letters: DeadLetter[]; cursor?: string } {
    const matches = parseFilter(query);
    const ids = new Set(query.getAll("dlqIds"));
    const statuses = new Set(query.getAll("responseStatus").map(Number));
    const found = this.#all().filter(
      ({ id, dlqId, spec, failedAt: at, answer }) =>
        matches({ id, spec, at }) &&
        (ids.size === 0 || ids.has(dlqId)) &&
        (statuses.size === 0 || statuses.has(answer.status)),
    );
    const cursor = query.get("cursor");
    const from = cursor
      ? Math.max(
          0,
          found.findIndex(({ dlqId }) => dlqId === cursor),
        )
      : 0;
    const count = Math.max(1, Math.min(1000, Number(query.get("count") ?? 100) || 100));
    const next = found[from + count];
    return { letters: found.slice(from, from + count), ...(next ? { cursor: next.dlqId } : {}) };
  }

  /** Publishes them again as new messages with all retries. */
  retry(letters: DeadLetter[]) {
    const notBefore = this.#now();
    const again = letters.map(({ spec, body }) => ({ spec, body, notBefore }));
    return this.#exchange.publish(again, { unbury: letters.map(({ dlqId }) => dlqId) });
  }

  delete(letters: DeadLetter[]): number {
    this.#store.write({ unbury: letters.map(({ dlqId }) => dlqId) });
    return letters.length;
  }

  #all(): DeadLetter[] {
    const now = this.#now();
    this.#store.forget(now, now - keptMs);
    return this.#store.deadLetters();
  }
}
