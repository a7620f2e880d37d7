import type { Message } from "./message.ts";
import type { Store } from "./store.ts";

interface Settings {
  parallelism: number;
  paused: boolean;
  createdAt: number;
  updatedAt: number;
}

interface Lane {
  settings: Settings;
  waiting: Message[];
  /** Messages that were started and are not finished, retries included. */
  admitted: number;
}

/** Starts the messages of a queue in order, as many at a time as the queue has consumers. */
export class Queues {
  readonly #lanes = new Map<string, Lane>();
  readonly #store: Store;
  readonly #now: () => number;
  readonly #admit: (message: Message) => void;

  constructor(store: Store, now: () => number, admit: (message: Message) => void) {
    this.#store = store;
    this.#now = now;
    this.#admit = admit;
    for (const [name, settings] of store.named<Settings>("queue"))
      this.#lanes.set(name, { settings, waiting: [], admitted: 0 });
  }

  enter(name: string, message: Message): void {
    const lane = this.#lanes.get(name) ?? this.upsert(name, { parallelism: 1, paused: false });
    lane.waiting.push(message);
    this.#pump(lane);
  }

  /** The message is delivered, failed or cancelled. If it still waits, its turn is skipped. */
  leave(name: string, message: Message): void {
    const lane = this.#lanes.get(name);
    if (!lane) return;
    const at = lane.waiting.indexOf(message);
    if (at >= 0) lane.waiting.splice(at, 1);
    else lane.admitted--;
    this.#pump(lane);
  }

  upsert(name: string, change: { parallelism?: number; paused?: boolean }): Lane {
    const now = this.#now();
    const lane = this.#lanes.get(name) ?? {
      settings: { parallelism: 1, paused: false, createdAt: now, updatedAt: now },
      waiting: [],
      admitted: 0,
    };
    lane.settings = { ...lane.settings, ...change, updatedAt: now };
    this.#lanes.set(name, lane);
    this.#store.setNamed("queue", name, lane.settings);
    this.#pump(lane);
    return lane;
  }

  /** Deletes the settings. Waiting messages are delivered one at a time. */
  delete(name: string): boolean {
    const lane = this.#lanes.get(name);
    if (!lane) return false;
    this.#store.deleteNamed("queue", name);
    if (lane.waiting.length + lane.admitted === 0) this.#lanes.delete(name);
    else {
      lane.settings = { ...lane.settings, parallelism: 1, paused: false };
      this.#pump(lane);
    }
    return true;
  }

  get(name: string) {
    const lane = this.#lanes.get(name);
    return lane && { name, ...lane.settings, lag: lane.waiting.length + lane.admitted };
  }

  list() {
    return [...this.#lanes.keys()].map((name) => this.get(name));
  }

  #pump(lane: Lane): void {
    while (!lane.settings.paused && lane.admitted < lane.settings.parallelism) {
      const message = lane.waiting.shift();
      if (!message) return;
      lane.admitted++;
      this.#admit(message);
    }
  }
}
