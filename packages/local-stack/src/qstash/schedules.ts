import { randomUUID } from "node:crypto";
import { Cron } from "croner";
import type { Alarm } from "./alarms.ts";
import type { Exchange } from "./exchange.ts";
import { listed } from "./outcome.ts";
import { type Headers, parsePublication, RequestError, type Sender } from "./publication.ts";
import type { Store } from "./store.ts";

interface Schedule {
  scheduleId: string;
  cron: string;
  url: string;
  headers: Headers;
  /** base64 */
  body: string;
  callerIp: string;
  queueName?: string | undefined;
  createdAt: number;
  isPaused: boolean;
  lastScheduleTime?: number;
}

/** Publishes messages at the times of a cron expression. Times that passed while the server was down are skipped. */
export class Schedules {
  readonly #schedules = new Map<string, Schedule>();
  readonly #alarms = new Map<string, Alarm>();
  readonly #store: Store;
  readonly #exchange: Exchange;
  readonly #now: () => number;
  readonly #allowHosts: ReadonlySet<string>;

  constructor({
    store,
    exchange,
    now,
    allowHosts,
  }: {
    store: Store;
    exchange: Exchange;
    now: () => number;
    allowHosts: ReadonlySet<string>;
  }) {
    this.#store = store;
    this.#exchange = exchange;
    this.#now = now;
    this.#allowHosts = allowHosts;
    for (const [id, schedule] of store.named<Schedule>("schedule")) {
      this.#schedules.set(id, schedule);
      this.#arm(schedule);
    }
  }

  /** Creates a schedule, or replaces the one with the same `Upstash-Schedule-Id`. */
  create(url: string, headers: Headers, body: Buffer, sender: Sender): string {
    const cron = headers["upstash-cron"];
    if (!cron) throw new RequestError("Upstash-Cron is missing");
    nextRun(cron, sender.now);
    parsePublication(url, headers, body, sender);
    const scheduleId = headers["upstash-schedule-id"] ?? `scd_${randomUUID()}`;
    const own = Object.fromEntries(
      Object.entries(headers).filter(([name]) => name.startsWith("upstash-") || name === "content-type"),
    );
    this.#save({
      scheduleId,
      cron,
      url,
      headers: own,
      body: body.toString("base64"),
      callerIp: sender.callerIp,
      queueName: headers["upstash-queue-name"],
      createdAt: this.#schedules.get(scheduleId)?.createdAt ?? sender.now,
      isPaused: false,
    });
    return scheduleId;
  }

  get(id: string) {
    const schedule = this.#schedules.get(id);
    return schedule && this.#toWire(schedule);
  }

  list() {
    return [...this.#schedules.values()].map((schedule) => this.#toWire(schedule));
  }

  delete(id: string): boolean {
    this.#disarm(id);
    this.#store.deleteNamed("schedule", id);
    return this.#schedules.delete(id);
  }

  setPaused(id: string, isPaused: boolean): boolean {
    const schedule = this.#schedules.get(id);
    if (!schedule) return false;
    this.#save({ ...schedule, isPaused });
    return true;
  }

  #save(schedule: Schedule): void {
    this.#store.setNamed("schedule", schedule.scheduleId, schedule);
    this.#schedules.set(schedule.scheduleId, schedule);
    this.#arm(schedule);
  }

  #arm({ scheduleId, cron, isPaused }: Schedule): void {
    this.#disarm(scheduleId);
    const at = isPaused ? undefined : nextRun(cron, this.#now());
    if (at !== undefined)
      this.#alarms.set(
        scheduleId,
        this.#exchange.alarms.set(at, () => this.#fire(scheduleId)),
      );
  }

  #disarm(id: string): void {
    const alarm = this.#alarms.get(id);
    if (alarm) alarm.run = undefined;
    this.#alarms.delete(id);
  }

  #fire(scheduleId: string): void {
    const schedule = this.#schedules.get(scheduleId);
    if (!schedule) return;
    const now = this.#now();
    const { url, headers, body, callerIp, queueName } = schedule;
    const publication = parsePublication(url, headers, Buffer.from(body, "base64"), {
      now,
      callerIp,
      queueName,
      scheduleId,
      allowHosts: this.#allowHosts,
    });
    this.#exchange.publish([publication]);
    this.#save({ ...schedule, lastScheduleTime: now });
  }

  #toWire({
    scheduleId,
    cron,
    url,
    headers,
    body,
    callerIp,
    queueName,
    createdAt,
    isPaused,
    lastScheduleTime,
  }: Schedule) {
    const now = this.#now();
    const { spec, notBefore } = parsePublication(url, headers, Buffer.alloc(0), {
      now,
      callerIp,
      allowHosts: this.#allowHosts,
    });
    return {
      scheduleId,
      cron,
      createdAt,
      destination: url,
      method: spec.method,
      header: listed(spec.headers),
      body: Buffer.from(body, "base64").toString(),
      retries: spec.maxRetries,
      delay: (notBefore - now) / 1000,
      callerIP: callerIp,
      isPaused,
      ...(queueName ? { queueName } : {}),
      ...(spec.callback ? { callback: spec.callback.url } : {}),
      ...(spec.failureCallback ? { failureCallback: spec.failureCallback.url } : {}),
      ...(spec.retryDelay ? { retryDelayExpression: spec.retryDelay } : {}),
      ...(spec.labels.length > 0 ? { label: spec.labels[0], labels: spec.labels } : {}),
      ...(lastScheduleTime === undefined ? {} : { lastScheduleTime }),
      ...(isPaused ? {} : { nextScheduleTime: nextRun(cron, now) }),
    };
  }
}

/** Milliseconds since 1970; the expression may begin with `CRON_TZ=Asia/Jakarta `. */
function nextRun(text: string, after: number): number | undefined {
  const [, timezone = "UTC", expression = text] = /^CRON_TZ=(\S+)\s+(.+)$/.exec(text.trim()) ?? [];
  try {
    return new Cron(expression, { timezone, mode: "5-part", paused: true }).nextRun(new Date(after))?.getTime();
  } catch (error) {
    throw new RequestError(`Upstash-Cron: "${text}" is not a cron expression: ${(error as Error).message}`);
  }
}
