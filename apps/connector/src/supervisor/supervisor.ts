import type { SessionState } from "@sandi/contracts";
import type { Logger } from "pino";
import type { SessionMetrics } from "../session/metrics.ts";
import type { Services } from "../services.ts";
import type { LiveSession } from "../session/live.ts";
import type { Addresses } from "../fleet/addresses.ts";
import { createMembership } from "../fleet/membership.ts";
import type { SharedKeys } from "../fleet/shared-keys.ts";
import type { Fleet } from "../store/members.ts";
import { acquireLeases, hasFreeSessions, releaseLeases, renewLeases } from "../store/leases.ts";
import { findSession, type SessionRow, storeWish, type Wish } from "../store/sessions.ts";
import type { Store } from "../store/store.ts";
import { createGoodbyes } from "./report-deleted.ts";
import { createHandOver } from "./hand-over.ts";
import { fairShare, leastLoaded, toHandOver } from "./placement.ts";

/** Holds the leases of this process and a live session for each. */
export interface Supervisor {
  /** Takes back what this machine held, and what nobody holds. */
  start(): Promise<void>;
  find: (sessionId: string) => LiveSession | undefined;
  /**
   * Stores what the operator wants and sets it in motion here, or answers `elsewhere`; with `mayPlace` it answers the
   * address of the connector that has more room for a session that nobody owns.
   */
  wish(job: Wish, how: { mayPlace: boolean }): Promise<"taken" | "elsewhere" | { url: string }>;
  countByState(): Map<SessionState, number>;
  gone(live: LiveSession): void;
  /** Takes up nothing more, and says so; what there is goes on. */
  drain(): Promise<void>;
  /** Closes every socket. */
  stop(): Promise<void>;
  /** Gives every lease back; what the sessions learned must be at the edge by then, or the next owner carries it. */
  release(): Promise<void>;
}

interface Options {
  services: Services;
  store: Store;
  addresses: Addresses;
  keys: SharedKeys;
  /** The machine, and this run of it. */
  owner: string;
  run: string;
  /** Where the other connectors reach this one. */
  url: string;
  leaseMs: number;
  capacity: number;
  /** Sessions that are taken up together open their sockets spread out to so many in a second. */
  connectPerSecond: number;
  logger: Logger;
  metrics: Pick<SessionMetrics, "leases">;
  adopt(row: SessionRow, connectAfterMs: number): LiveSession;
  /** There is something in the outbox. */
  onNews(): void;
  /** Brings what is in the outbox to the edge, as far as it takes it. */
  flush: () => Promise<unknown>;
}

const beatsPerTick = 5;
/** The part of a lease by which clocks may differ. */
const marginPart = 0.2;

export function createSupervisor(options: Options): Supervisor {
  const { services, store, owner, run, leaseMs, capacity, logger, metrics } = options;
  const membership = createMembership(options);
  const sessions = new Map<string, LiveSession>();
  const sayGoodbye = createGoodbyes(options);
  const handOver = createHandOver({ ...options, sessions });
  const renewMs = leaseMs / 3;
  let isDraining = false;
  let isStopped = false;
  let acquiring: Promise<unknown> = Promise.resolve();
  let cancelTick: (() => void) | undefined;
  let ticking: Promise<void> = Promise.resolve();
  const wishes = new Set<Promise<unknown>>();

  type Wanted = Partial<Parameters<typeof acquireLeases>[1]>;

  /** Takes up to so many sessions over, as far as there is room: one call after another, so that each sees what is left. */
  function acquire(wanted: Wanted): Promise<void> {
    const acquired = acquiring.then(() => acquireNow(wanted));
    acquiring = acquired.catch(() => undefined);
    return acquired;
  }

  async function acquireNow(wanted: Wanted): Promise<void> {
    const limit = Math.min(wanted.limit ?? capacity, capacity - sessions.size);
    if (limit <= 0 || isDraining) return;
    const now = services.now();
    const marginMs = leaseMs * marginPart;
    const rows = await acquireLeases(store, {
      owner,
      run,
      now,
      leaseMs,
      marginMs,
      includeOwn: false,
      ...wanted,
      limit,
    });
    if (rows.length > 0) logger.info({ sessions: rows.length }, "leases taken");
    metrics.leases.inc({ change: "taken" }, rows.length);
    // Each connects at a random time of its own.
    const windowMs = rows.length === 1 ? 0 : (1000 * rows.length) / options.connectPerSecond;
    for (const row of rows) adopt(row, services.chance() * windowMs);
  }

  function adopt(row: SessionRow, connectAfterMs = 0): void {
    const known = sessions.get(row.id);
    if (known?.fence.fence === row.fence) return;
    known?.lose();
    try {
      sessions.set(row.id, options.adopt(row, connectAfterMs));
      // What its last owner learned and did not tell.
      options.onNews();
    } catch (error) {
      logger.error({ sessionId: row.id, error }, "a session could not be taken up; it is tried again");
    }
  }

  /** Takes up what is ours by its row but not here: the answer to an acquire can be lost when its write is not. */
  async function reclaim(sessionId: string): Promise<void> {
    const row = await findSession(store, sessionId);
    if (isDraining || row?.ownerRun !== run || row.isGone) return;
    adopt(row);
  }

  /** A third of a lease: renew, notice what was lost or wished elsewhere, take what has expired. */
  async function tick(): Promise<void> {
    const startedAt = services.now().getTime();
    const until = new Date(startedAt + leaseMs);
    const rows = new Map((await renewLeases(store, run, until)).map((row) => [row.id, row]));
    renewedAt = startedAt;
    for (const live of sessions.values()) {
      const row = rows.get(live.fence.sessionId);
      if (row?.fence !== live.fence.fence) live.lose();
      else {
        live.renewed(until.getTime());
        live.wished(row);
        live.session.retryStoring();
      }
    }
    for (const id of rows.keys()) if (!sessions.has(id)) await reclaim(id);
    const fleet = await membership.announce(isDraining);
    if (isDraining) return;
    await takeShare(fleet);
    handOver.start(toHandOver(fleet, run, sessions.size));
  }

  /** Takes what is free up to this connector's share, then what the others leave. */
  async function takeShare(fleet: Fleet): Promise<void> {
    await acquire({ limit: fairShare(fleet, run) - sessions.size });
    await acquire({ freeSince: new Date(services.now().getTime() - leaseMs / 2) });
  }

  async function wish(job: Wish, { mayPlace }: { mayPlace: boolean }): ReturnType<Supervisor["wish"]> {
    const row = await storeWish(store, job, services.now());
    if (row.isGone) {
      await sayGoodbye(row, job);
      return "taken";
    }
    if (mayPlace && row.ownerRun === null) {
      const fleet = await membership.look();
      const best = leastLoaded(fleet, run);
      const other = best === run ? undefined : fleet.members.find((each) => each.run === best);
      if (other) return { url: other.url };
    }
    if (!sessions.has(row.id)) await acquire({ includeOwn: true, sessionId: row.id, limit: 1 });
    if (!sessions.has(row.id)) await reclaim(row.id);
    const live = sessions.get(row.id);
    live?.wished(row);
    return live ? "taken" : "elsewhere";
  }

  const unrenewed = (error: unknown) => logger.error({ error }, "leases could not be renewed");

  /** What another connector has just given back need not wait for a tick. */
  async function glance(): Promise<void> {
    if (isDraining || sessions.size >= capacity) return;
    if (await hasFreeSessions(store)) await takeShare(await membership.look());
  }

  let beats = 0;
  let renewedAt = Number.NEGATIVE_INFINITY;
  function schedule(): void {
    if (isStopped) return;
    cancelTick = services.after(renewMs / beatsPerTick, () => {
      // What failed is tried again at once, and what was held up comes before anything else.
      if (services.now().getTime() - renewedAt >= renewMs) beats = 0;
      ticking = (beats++ % beatsPerTick === 0 ? tick() : glance()).catch(unrenewed);
      void ticking.then(schedule);
    });
  }

  return {
    async start() {
      await membership.announce(isDraining);
      // What this machine held it takes back at once; the rest is shared with those that start at the same time.
      await acquire({ includeOwn: true, onlyOwn: true });
      schedule();
    },
    find: (sessionId) => sessions.get(sessionId),
    wish(job, how) {
      const wished = wish(job, how).finally(() => wishes.delete(wished));
      wishes.add(wished);
      return wished;
    },
    countByState() {
      const counts = new Map<SessionState, number>();
      for (const { session } of sessions.values()) {
        counts.set(session.machine.state, (counts.get(session.machine.state) ?? 0) + 1);
      }
      return counts;
    },
    gone(live) {
      if (sessions.get(live.fence.sessionId) === live) sessions.delete(live.fence.sessionId);
    },
    async drain() {
      isDraining = true;
      await membership.announce(isDraining).catch(unrenewed);
    },
    async stop() {
      isDraining = isStopped = true;
      cancelTick?.();
      // Each of them may be about to take a session up.
      await Promise.allSettled([ticking, handOver.idle(), ...wishes]);
      await Promise.allSettled([...sessions.values()].map((live) => live.stop()));
    },
    async release() {
      const fences = [...sessions.values()].map((live) => live.fence);
      sessions.clear();
      const now = services.now();
      await releaseLeases(store, fences, now)
        .then(() => metrics.leases.inc({ change: "released" }, fences.length))
        .then(() => membership.leave())
        .catch((error: unknown) => logger.warn({ error }, "the leases could not be given back; they run out"));
    },
  };
}
