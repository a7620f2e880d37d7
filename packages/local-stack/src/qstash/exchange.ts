import { randomUUID } from "node:crypto";
import { Alarms } from "./alarms.ts";
import { Courier } from "./courier.ts";
import { Events } from "./events.ts";
import { type Facts } from "./filter.ts";
import { Flows } from "./flows.ts";
import type { Answer, DeadLetter, Message } from "./message.ts";
import { callbackPublication, judge } from "./outcome.ts";
import type { Publication, Sender } from "./publication.ts";
import { Queues } from "./queues.ts";
import { sign } from "./signature.ts";
import type { Seen, Store } from "./store.ts";

export interface ExchangeOptions {
  store: Store;
  now: () => number;
  signingKey: string;
  allowHosts: ReadonlySet<string>;
}

/** The answer to the publisher; a batch is answered with an array of these. */
export interface Published {
  messageId: string;
  url: string;
  deduplicated?: true;
}

export const maxInFlight = 128;
const dedupeMs = 10 * 60_000;
const graceMs = 1_000;

/** Accepts messages, stores them and delivers them. */
export class Exchange {
  readonly events: Events;
  readonly queues: Queues;
  readonly flows: Flows;
  readonly alarms: Alarms;
  readonly #options: ExchangeOptions;
  readonly #courier = new Courier();
  readonly #messages = new Map<string, Message>();
  readonly #seen = new Map<string, Seen>();
  readonly #ready: Message[] = [];
  #inFlight = 0;
  #isClosed = false;
  #idle: (() => void) | undefined;

  constructor(options: ExchangeOptions) {
    const { store, now } = options;
    this.#options = options;
    this.events = new Events(now);
    this.alarms = new Alarms(now);
    this.flows = new Flows({ store, now, alarms: this.alarms, launch: (message) => this.#launch(message) });
    this.queues = new Queues(store, now, (message) => this.#schedule(message));
    for (const seen of store.seen()) this.#seen.set(seen.id, seen);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Delivers the messages that the file still has. */
  resume(): void {
    for (const message of this.#options.store.messages()) this.#enter(message);
  }

  /** Stores the messages in the file, then begins to deliver them. */
  publish(publications: Publication[], replaced?: { unbury: string[] }): Published[] {
    const now = this.#options.now();
    this.#forgetSeen(now);
    const add: Message[] = [];
    const seen = new Map<string, Seen>();
    const published = publications.map((publication): Published => {
      const { deduplicationId: id, spec } = publication;
      const known = id === undefined ? undefined : (this.#seen.get(id) ?? seen.get(id));
      if (known) return { messageId: known.messageId, url: spec.url, deduplicated: true };
      const message = toMessage(publication, now);
      add.push(message);
      if (id !== undefined) seen.set(id, { id, messageId: message.id, until: now + dedupeMs });
      return { messageId: message.id, url: spec.url };
    });
    this.#options.store.write({ add, seen: [...seen.values()], ...replaced });
    for (const [id, one] of seen) this.#seen.set(id, one);
    for (const message of add) {
      this.events.add("CREATED", message);
      this.#enter(message);
    }
    return published;
  }

  message(id: string): Message | undefined {
    return this.#messages.get(id);
  }

  /** Cancels messages that are not delivered. A running call is not stopped, but it is not repeated. */
  cancel(matches: (facts: Facts) => boolean): number {
    const gone = [...this.#messages.values()].filter(({ id, spec, createdAt }) => matches({ id, spec, at: createdAt }));
    this.#options.store.write({ remove: gone.map(({ id }) => id) });
    for (const message of gone) {
      this.events.add("CANCELED", message);
      this.#leave(message);
    }
    return gone.length;
  }

  /** Stops. Messages that are not delivered are delivered after the next start. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.alarms.close();
    if (this.#inFlight > 0) {
      const timer = setTimeout(() => this.#courier.close(), graceMs);
      await new Promise<void>((resolve) => (this.#idle = resolve));
      clearTimeout(timer);
    }
    this.#courier.close();
  }

  #enter(message: Message): void {
    this.#messages.set(message.id, message);
    if (message.spec.queueName) this.queues.enter(message.spec.queueName, message);
    else this.#schedule(message);
  }

  #leave(message: Message): void {
    message.isGone = true;
    this.#messages.delete(message.id);
    if (message.spec.queueName) this.queues.leave(message.spec.queueName, message);
  }

  #schedule(message: Message): void {
    if (message.dueAt <= this.#options.now()) this.flows.enter(message);
    else this.alarms.set(message.dueAt, () => !message.isGone && this.flows.enter(message));
  }

  #launch(message: Message): void {
    this.#ready.push(message);
    this.#pump();
  }

  #pump(): void {
    while (this.#inFlight < maxInFlight && this.#ready.length > 0 && !this.#isClosed) {
      const message = this.#ready.shift() as Message;
      if (message.isGone) this.flows.leave(message);
      else void this.#attempt(message);
    }
  }

  async #attempt(message: Message): Promise<void> {
    this.#inFlight++;
    this.events.add("ACTIVE", message);
    const answer = await this.#courier.deliver(this.#delivery(message));
    this.#inFlight--;
    // The end of this process interrupted the call: that is no failure of the destination.
    const isCut = this.#isClosed && answer.status === 0;
    if (!message.isGone && !isCut) this.#settle(message, answer);
    this.flows.leave(message);
    this.#pump();
    if (this.#inFlight === 0) this.#idle?.();
  }

  #delivery({ id, spec, body, retried }: Message) {
    const { url, method, timeoutMs } = spec;
    const { signingKey, now } = this.#options;
    const headers: Record<string, string> = {
      "user-agent": "Upstash-QStash",
      ...spec.headers,
      "upstash-message-id": id,
      "upstash-retried": String(retried),
      "upstash-signature": sign(signingKey, { url, body, now: now() }),
    };
    if (spec.scheduleId) headers["upstash-schedule-id"] = spec.scheduleId;
    if (spec.labels.length > 0) headers["upstash-label"] = spec.labels.join(",");
    return { url, method, headers, body, timeoutMs };
  }

  #settle(message: Message, answer: Answer): void {
    const { store, now } = this.#options;
    const { spec, id } = message;
    const at = now();
    const outcome = judge(message, answer, at);
    const add = spec.callback
      ? [toMessage(callbackPublication(spec.callback, message, answer, this.#self(at)), at)]
      : [];
    if (outcome.kind === "delivered") {
      store.write({ remove: [id], add });
      this.events.add("DELIVERED", message, { responseStatus: answer.status });
      this.#leave(message);
    } else if (outcome.kind === "retry") {
      message.retried++;
      message.dueAt = at + outcome.delayMs;
      store.write({ retry: message, add });
      this.#report(message, answer);
      this.events.add("RETRY", message, { nextDeliveryTime: message.dueAt });
      this.#schedule(message);
    } else {
      const dlqId = `${at}-${randomUUID()}`;
      const { body, createdAt, notBefore, retried } = message;
      const letter: DeadLetter = { dlqId, id, spec, body, createdAt, notBefore, retried, failedAt: at, answer };
      if (spec.failureCallback)
        add.push(
          toMessage(callbackPublication(spec.failureCallback, message, answer, { ...this.#self(at), dlqId }), at),
        );
      store.write({ remove: [id], bury: letter, add });
      this.#report(message, answer);
      this.events.add("FAILED", message, { error: outcome.error, responseStatus: answer.status });
      this.#leave(message);
    }
    for (const callback of add) {
      this.events.add("CREATED", callback);
      this.#enter(callback);
    }
  }

  #report(message: Message, { status, error }: Answer): void {
    this.events.add("ERROR", message, { error: error ?? `the destination answered ${status}`, responseStatus: status });
  }

  #self(now: number): Sender {
    return { now, callerIp: "127.0.0.1", allowHosts: this.#options.allowHosts };
  }

  /** All entries live for the same time, so the oldest expire first. */
  #forgetSeen(now: number): void {
    for (const [id, { until }] of this.#seen) {
      if (until > now) return;
      this.#seen.delete(id);
    }
  }
}

function toMessage({ spec, body, notBefore }: Publication, now: number): Message {
  return {
    id: `msg_${randomUUID()}`,
    spec,
    body,
    createdAt: now,
    notBefore,
    dueAt: notBefore,
    retried: 0,
    isGone: false,
  };
}
