import type { Alarm, Alarms } from "./alarms.ts";
import type { Message } from "./message.ts";
import type { Store } from "./store.ts";

interface Limits {
  parallelism?: number | undefined;
  rate?: number | undefined;
  periodMs: number;
}

interface Flow {
  limits: Limits;
  kept: { isPaused: boolean; isPinnedParallelism: boolean; isPinnedRate: boolean };
  waiting: Message[];
  active: number;
  begun: number;
  periodStart: number;
  alarm?: Alarm;
}

/** Starts calls when the flow control of their key allows it. */
export class Flows {
  readonly #flows = new Map<string, Flow>();
  readonly #store: Store;
  readonly #alarms: Alarms;
  readonly #now: () => number;
  readonly #launch: (message: Message) => void;

  constructor({
    store,
    alarms,
    now,
    launch,
  }: {
    store: Store;
    alarms: Alarms;
    now: () => number;
    launch: (message: Message) => void;
  }) {
    this.#store = store;
    this.#alarms = alarms;
    this.#now = now;
    this.#launch = launch;
    for (const [key, { limits, kept }] of store.named<Pick<Flow, "limits" | "kept">>("flow"))
      Object.assign(this.#flow(key), { limits, kept });
  }

  enter(message: Message): void {
    const control = message.spec.flowControl;
    if (!control) return this.#launch(message);
    const flow = this.#flow(control.key);
    if (!flow.kept.isPinnedParallelism) flow.limits.parallelism = control.parallelism;
    if (!flow.kept.isPinnedRate) Object.assign(flow.limits, { rate: control.rate, periodMs: control.periodMs });
    flow.waiting.push(message);
    this.#pump(flow);
  }

  /** The call of a started message has ended. */
  leave({ spec }: Message): void {
    const flow = spec.flowControl && this.#flows.get(spec.flowControl.key);
    if (!flow) return;
    flow.active--;
    this.#pump(flow);
  }

  setPaused(key: string, isPaused: boolean): void {
    const flow = this.#flow(key);
    flow.kept.isPaused = isPaused;
    this.#keep(key, flow);
  }

  /** A pinned limit replaces the limits of the messages until it is unpinned. */
  pin(key: string, { parallelism, rate, periodMs }: Partial<Limits>): void {
    const flow = this.#flow(key);
    if (parallelism !== undefined) {
      flow.limits.parallelism = parallelism;
      flow.kept.isPinnedParallelism = true;
    }
    if (rate !== undefined) {
      Object.assign(flow.limits, { rate, periodMs: periodMs ?? 1000 });
      flow.kept.isPinnedRate = true;
    }
    this.#keep(key, flow);
  }

  unpin(key: string, { parallelism, rate }: { parallelism: boolean; rate: boolean }): void {
    const flow = this.#flow(key);
    if (parallelism) flow.kept.isPinnedParallelism = false;
    if (rate) flow.kept.isPinnedRate = false;
    this.#keep(key, flow);
  }

  resetRate(key: string): void {
    const flow = this.#flow(key);
    flow.begun = 0;
    flow.periodStart = this.#now();
    this.#pump(flow);
  }

  get(key: string) {
    const flow = this.#flows.get(key);
    return (
      flow && {
        flowControlKey: key,
        waitListSize: flow.waiting.filter(({ isGone }) => !isGone).length,
        parallelismMax: flow.limits.parallelism ?? 0,
        parallelismCount: flow.active,
        rateMax: flow.limits.rate ?? 0,
        rateCount: flow.begun,
        ratePeriod: flow.limits.periodMs / 1000,
        ratePeriodStart: Math.floor(flow.periodStart / 1000),
        ...flow.kept,
      }
    );
  }

  list() {
    return [...this.#flows.keys()].map((key) => this.get(key));
  }

  #flow(key: string): Flow {
    let flow = this.#flows.get(key);
    if (!flow) {
      const kept = { isPaused: false, isPinnedParallelism: false, isPinnedRate: false };
      flow = { limits: { periodMs: 1000 }, kept, waiting: [], active: 0, begun: 0, periodStart: 0 };
      this.#flows.set(key, flow);
    }
    return flow;
  }

  #keep(key: string, { limits, kept }: Flow): void {
    this.#store.setNamed("flow", key, { limits, kept });
    this.#pump(this.#flow(key));
  }

  #pump(flow: Flow): void {
    const { limits, waiting } = flow;
    while (!flow.kept.isPaused && waiting.length > 0 && flow.active < (limits.parallelism ?? Infinity)) {
      if (waiting[0]?.isGone) {
        waiting.shift();
        continue;
      }
      const now = this.#now();
      if (now >= flow.periodStart + limits.periodMs) {
        flow.periodStart = now;
        flow.begun = 0;
      }
      if (flow.begun >= (limits.rate ?? Infinity)) return this.#pumpAt(flow, flow.periodStart + limits.periodMs);
      flow.begun++;
      flow.active++;
      this.#launch(waiting.shift() as Message);
    }
  }

  #pumpAt(flow: Flow, at: number): void {
    if (flow.alarm?.run && flow.alarm.at <= at) return;
    flow.alarm = this.#alarms.set(at, () => this.#pump(flow));
  }
}
