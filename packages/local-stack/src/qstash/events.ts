import { parseFilter } from "./filter.ts";
import type { Message, Spec } from "./message.ts";

export type State = "CREATED" | "ACTIVE" | "DELIVERED" | "ERROR" | "RETRY" | "FAILED" | "CANCELED";

interface Event {
  at: number;
  state: State;
  id: string;
  spec: Spec;
  nextDeliveryTime?: number;
  error?: string;
  responseStatus?: number;
}

const kept = 20_000;

/** The last 20,000 events of messages, in memory. */
export class Events {
  readonly #ring: Event[] = [];
  #count = 0;
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  add(
    state: State,
    { id, spec }: Pick<Message, "id" | "spec">,
    more?: Pick<Event, "nextDeliveryTime" | "error" | "responseStatus">,
  ): void {
    this.#ring[this.#count++ % kept] = { at: this.#now(), state, id, spec, ...more };
  }

  /** One page, newest first. */
  list(query: URLSearchParams): { events: unknown[]; cursor?: string } {
    const matches = parseFilter(query);
    const state = query.get("state");
    const count = Math.min(1000, Number(query.get("count") ?? 100) || 100);
    const cursor = query.get("cursor");
    const events: unknown[] = [];
    let at = cursor ? Math.min(this.#count, Number(cursor) || 0) : this.#count;
    for (; at > Math.max(0, this.#count - kept); at--) {
      const event = this.#ring[(at - 1) % kept] as Event;
      if ((state && event.state !== state) || !matches(event)) continue;
      if (events.length === count) return { events, cursor: String(at) };
      events.push(toWire(event));
    }
    return { events };
  }
}

function toWire({ at, state, id, spec, ...more }: Event) {
  return {
    time: at,
    state,
    messageId: id,
    url: spec.url,
    method: spec.method,
    ...(spec.queueName ? { queueName: spec.queueName } : {}),
    ...(spec.scheduleId ? { scheduleId: spec.scheduleId } : {}),
    ...(spec.flowControl ? { flowControlKey: spec.flowControl.key } : {}),
    ...(spec.labels.length > 0 ? { label: spec.labels[0], labels: spec.labels } : {}),
    ...more,
  };
}
