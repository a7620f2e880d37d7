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
import { findSession, type SessionRow, storeDesiredState, type DesiredStateChange } from "../store/sessions.ts";
import type { Store } from "../store/store.ts";
import { reportDeletedSessions } from "./report-deleted.ts";
import { createHandOver } from "./hand-over.ts";
import { fairShare, leastLoaded, toHandOver } from "./placement.ts";

/** Holds the leases of this process, and a live session for each lease. */
export interface Supervisor {
  /** Acquires the leases that this machine held before, and those that are free. */
  start(): Promise<void>;
  find: (sessionId: string) => LiveSession | undefined;
  /**
   * Stores the desired state and applies it here; `elsewhere` when another connector owns the session. With `mayPlace` a
   * session without an owner may belong on a connector that has more free capacity: the answer is its address.
   */
  setDesiredState(
    change: DesiredStateChange,
    how: { mayPlace: boolean },
  ): Promise<"applied" | "elsewhere" | { url: string }>;
  countByState(): Map<SessionState, number>;
  gone(live: LiveSession): void;
  /** Acquires no more leases and announces that; the sessions that it holds keep running. */
  drain(): Promise<void>;
  /** Stops every session and closes its socket. */
  stop(): Promise<void>;
  /** Releases every lease. Events that are still in the outbox are delivered by the next owner. */
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
  /** This connector's address for the other connectors. */
  url: string;
  leaseMs: number;
  capacity: number;
  /** Sessions that are acquired together open this many sockets a second. */
  connectPerSecond: number;
  logger: Logger;
  metrics: Pick<SessionMetrics, "leases">;
  adopt(row: SessionRow, connectAfterMs: number): LiveSession;
  /** An event was appended to the outbox. */
  onAppended(): void;
  /** Delivers the outbox to the edge, as far as possible. */
  flush: () => Promise<unknown>;
}

const beatsPerTick = 5;
/** The part of a lease by which clocks may differ. */
const marginPart = 0.2;

export function createSupervisor(options: Options): Supervisor {
  const { services, store, owner, run, leaseMs, capacity, logger, metrics } = options;
  const membership = createMembership(options);
  const sessions = new Map<string, LiveSession>();
  const reportDeleted = reportDeletedSessions(options);
  const handOver = createHandOver({ ...options, sessions });
  const renewMs = leaseMs / 3;
  let isDraining = false;
  let isStopped = false;
  let acquiring: Promise<unknown> = Promise.resolve();
  let cancelTick: (() => void) | undefined;
  let ticking: Promise<void> = Promise.resolve();
  const changes = new Set<Promise<unknown>>();

  type Wanted = Partial<Parameters<typeof acquireLeases>[1]>;

  /** Acquires up to `limit` leases. Calls run one after another, so that each knows how much capacity is left. */
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
    // Sessions connect at random times within this window.
    const windowMs = rows.length === 1 ? 0 : (1000 * rows.length) / options.connectPerSecond;
    for (const row of rows) adopt(row, services.chance() * windowMs);
  }

  function adopt(row: SessionRow, connectAfterMs = 0): void {
    const known = sessions.get(row.id);
    if (known?.fence.fence === row.fence) return;
    known?.lose();
    try {
      sessions.set(row.id, options.adopt(row, connectAfterMs));
      // The last owner may have left events in the outbox.
      options.onAppended();
    } catch (error) {
      logger.error({ sessionId: row.id, error }, "a session could not be adopted; the next renewal tries again");
    }
  }

  /** Adopts a session that is ours by its row but not in memory: the answer to a stored acquire can be lost. */
  async function reclaim(sessionId: string): Promise<void> {
    const row = await findSession(store, sessionId);
    if (isDraining || row?.ownerRun !== run || row.isGone) return;
    adopt(row);
  }

  /** Every third of a lease: renews, notices lost leases and new desired states, and acquires expired leases. */
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
        live.desiredStateChanged(row);
        live.session.retryStoring();
      }
    }
    for (const id of rows.keys()) if (!sessions.has(id)) await reclaim(id);
    const fleet = await membership.announce(isDraining);
    if (isDraining) return;
    await takeShare(fleet);
    handOver.start(toHandOver(fleet, run, sessions.size));
  }

  /** Acquires free leases up to this connector's fair share, then leases that have been free for half a lease. */
  async function takeShare(fleet: Fleet): Promise<void> {
    await acquire({ limit: fairShare(fleet, run) - sessions.size });
    await acquire({ freeSince: new Date(services.now().getTime() - leaseMs / 2) });
  }

  async function apply(
    change: DesiredStateChange,
    { mayPlace }: { mayPlace: boolean },
  ): ReturnType<Supervisor["setDesiredState"]> {
    const row = await storeDesiredState(store, change, services.now());
    if (row.isGone) {
      await reportDeleted(row, change);
      return "applied";
    }
    if (mayPlace && row.ownerRun === null) {
      const fleet = await membership.read();
      const best = leastLoaded(fleet, run);
      const other = best === run ? undefined : fleet.members.find((each) => each.run === best);
      if (other) return { url: other.url };
    }
    if (!sessions.has(row.id)) await acquire({ includeOwn: true, sessionId: row.id, limit: 1 });
    if (!sessions.has(row.id)) await reclaim(row.id);
    const live = sessions.get(row.id);
    live?.desiredStateChanged(row);
    return live ? "applied" : "elsewhere";
  }

  const logFailure = (error: unknown) => logger.error({ error }, "leases could not be renewed");

  /** Acquires leases that another connector has just released, before the next tick. */
  async function acquireReleased(): Promise<void> {
    if (isDraining || sessions.size >= capacity) return;
    if (await hasFreeSessions(store)) await takeShare(await membership.read());
  }

  let beats = 0;
  let renewedAt = Number.NEGATIVE_INFINITY;
  function schedule(): void {
    if (isStopped) return;
    cancelTick = services.after(renewMs / beatsPerTick, () => {
      // A renewal that failed or is late comes first.
      if (services.now().getTime() - renewedAt >= renewMs) beats = 0;
      ticking = (beats++ % beatsPerTick === 0 ? tick() : acquireReleased()).catch(logFailure);
      void ticking.then(schedule);
    });
  }

  return {
    async start() {
      await membership.announce(isDraining);
      // Leases of this machine are acquired at once. Connectors that start together share the others.
      await acquire({ includeOwn: true, onlyOwn: true });
      schedule();
    },
    find: (sessionId) => sessions.get(sessionId),
    setDesiredState(change, how) {
      const applied = apply(change, how).finally(() => changes.delete(applied));
      changes.add(applied);
      return applied;
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
      await membership.announce(isDraining).catch(logFailure);
    },
    async stop() {
      isDraining = isStopped = true;
      cancelTick?.();
      // Each of these may be about to adopt a session.
      await Promise.allSettled([ticking, handOver.idle(), ...changes]);
      await Promise.allSettled([...sessions.values()].map((live) => live.stop()));
    },
    async release() {
      const fences = [...sessions.values()].map((live) => live.fence);
      sessions.clear();
      const now = services.now();
      await releaseLeases(store, fences, now)
        .then(() => metrics.leases.inc({ change: "released" }, fences.length))
        .then(() => membership.leave())
        .catch((error: unknown) =>
          logger.warn({ error }, "the leases could not be released; they expire by themselves"),
        );
    },
  };
}
