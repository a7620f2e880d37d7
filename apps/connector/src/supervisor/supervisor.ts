import type { SessionJob, SessionState } from "@sandi/contracts";
import type { Logger } from "pino";
import type { Services } from "../services.ts";
import type { LiveSession } from "../session/live.ts";
import {
  acquireLeases,
  findSession,
  releaseLease,
  renewLeases,
  type SessionRow,
  storeWish,
} from "../store/sessions.ts";
import { appendStatement } from "../store/outbox.ts";
import type { Store } from "../store/store.ts";

/** Holds the leases of this process and a live session for each. */
export interface Supervisor {
  /** Takes back what this machine held, and what nobody holds. */
  start(): Promise<void>;
  find: (sessionId: string) => LiveSession | undefined;
  /** Stores what the operator wants and sets it in motion here, or answers `elsewhere`. */
  wish(job: SessionJob): Promise<"taken" | "elsewhere">;
  countByState(): Map<SessionState, number>;
  gone(live: LiveSession): void;
  /** Closes every socket and takes up nothing more. */
  stop(): Promise<void>;
  /** Gives every lease back; what the sessions learned must be at the edge by then, or the next owner carries it. */
  release(): Promise<void>;
}

interface Options {
  services: Services;
  store: Store;
  /** The machine, and this run of it. */
  owner: string;
  run: string;
  leaseMs: number;
  capacity: number;
  logger: Logger;
  adopt(row: SessionRow): LiveSession;
  /** There is something in the outbox. */
  onNews(): void;
}

export function createSupervisor(options: Options): Supervisor {
  const { services, store, owner, run, leaseMs, capacity, logger } = options;
  const sessions = new Map<string, LiveSession>();
  let isDraining = false;
  let cancelTick: (() => void) | undefined;
  let ticking: Promise<void> = Promise.resolve();
  const wishes = new Set<Promise<unknown>>();

  async function acquire(includeOwn: boolean, sessionId?: string): Promise<void> {
    const limit = capacity - sessions.size;
    if (limit <= 0 || isDraining) return;
    const now = services.now();
    const only = sessionId === undefined ? {} : { sessionId };
    const rows = await acquireLeases(store, { owner, run, now, leaseMs, includeOwn, limit, ...only });
    if (rows.length > 0) logger.info({ sessions: rows.length }, "leases taken");
    for (const row of rows) adopt(row);
  }

  function adopt(row: SessionRow): void {
    const known = sessions.get(row.id);
    if (known?.fence.fence === row.fence) return;
    known?.lose();
    try {
      sessions.set(row.id, options.adopt(row));
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
    const until = new Date(services.now().getTime() + leaseMs);
    const rows = new Map((await renewLeases(store, run, until)).map((row) => [row.id, row]));
    for (const live of sessions.values()) {
      const row = rows.get(live.fence.sessionId);
      if (row?.fence !== live.fence.fence) live.lose();
      else {
        live.renewed(until.getTime());
        live.session.post({ type: "wished", desired: row.desired, revision: row.revision });
        live.session.retryStoring();
      }
    }
    for (const id of rows.keys()) if (!sessions.has(id)) await reclaim(id);
    await acquire(false);
  }

  /** Somebody who still wants something of a deleted session has not heard of its end. */
  async function repeatGoodbye(row: SessionRow, { sessionId, workspaceId, revision }: SessionJob): Promise<void> {
    if (row.workspaceId !== workspaceId) return;
    const event = { type: "session.state", sessionId, state: "ended", reason: "requested", phone: null } as const;
    const [id, at] = [services.newId("evt"), services.now().toISOString()];
    const fence = { sessionId, fence: row.fence };
    await store.writer.write([appendStatement(fence, { id, at, ...event, revision })]);
    options.onNews();
  }

  async function wish(job: SessionJob): Promise<"taken" | "elsewhere"> {
    const { row } = await storeWish(store, job, services.now());
    if (row.isGone) {
      await repeatGoodbye(row, job);
      return "taken";
    }
    if (!sessions.has(row.id)) await acquire(true, row.id);
    if (!sessions.has(row.id)) await reclaim(row.id);
    const live = sessions.get(row.id);
    live?.session.post({ type: "wished", desired: row.desired, revision: row.revision });
    return live ? "taken" : "elsewhere";
  }

  function schedule(): void {
    if (isDraining) return;
    cancelTick = services.after(leaseMs / 3, () => {
      ticking = tick().catch((error: unknown) => logger.error({ error }, "leases could not be renewed"));
      void ticking.then(schedule);
    });
  }

  return {
    async start() {
      await acquire(true);
      schedule();
    },
    find: (sessionId) => sessions.get(sessionId),
    wish(job) {
      const wished = wish(job).finally(() => wishes.delete(wished));
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
    async stop() {
      isDraining = true;
      cancelTick?.();
      // Each of them may be about to take a session up.
      await Promise.allSettled([ticking, ...wishes]);
      await Promise.allSettled([...sessions.values()].map((live) => live.stop()));
    },
    async release() {
      const fences = [...sessions.values()].map((live) => live.fence);
      sessions.clear();
      await Promise.all(fences.map((fence) => releaseLease(store, fence).catch(() => undefined)));
    },
  };
}
