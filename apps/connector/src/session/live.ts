import type { SessionQr } from "@sandi/contracts";
import type { InStatement } from "@libsql/client";
import type { Logger } from "pino";
import type { OpenSocket, WhatsAppSocket } from "../baileys/socket.ts";
import type { Acknowledged } from "../inbound/apply-action.ts";
import type { ApplyOwnChange } from "../inbound/apply-own-change.ts";
import type { ReceiveMessage } from "../inbound/receive-message.ts";
import type { Deliveries } from "../deliveries/deliveries.ts";
import type { KnownNumbers } from "../numbers/known-numbers.ts";
import type { Tunnels } from "../proxy/tunnel.ts";
import type { Services } from "../services.ts";
import type { Chats } from "../store/chats.ts";
import type { Conversations } from "../store/conversations.ts";
import { forgetStatements } from "../store/account.ts";
import type { OpenCredentials } from "../store/credentials.ts";
import type { Erased } from "../store/erased.ts";
import type { Identities } from "../store/identities.ts";
import type { NodeAtRest } from "@sandi/crypto/node";
import { openProxy } from "../store/sealed-proxy.ts";
import { type Fence, LeaseLost, writeFenced } from "../store/fence.ts";
import { removalStatements, type SessionRow } from "../store/sessions.ts";
import { reportStatements } from "../store/state-report.ts";
import type { Store } from "../store/store.ts";
import type { Versions } from "../versions.ts";
import type { Gates } from "./gate.ts";
import type { SessionMetrics } from "./metrics.ts";
import { type Connection, createConnection } from "./connection.ts";
import { changeAfter, machineFromRow } from "./from-row.ts";
import { createLease } from "./lease.ts";
import { createSending, type Sending } from "./sending.ts";
import { createSessionProxy } from "./proxy.ts";
import { createSession, type Session } from "./session.ts";
import type { Machine } from "./machine.ts";

/** A session that this process owns, with its socket. */
export interface LiveSession {
  readonly fence: Fence;
  readonly workspaceId: string;
  readonly session: Session;
  readonly sending: Sending;
  readonly connection: Pick<Connection, "awaitAck" | "signs" | "forgetDevices" | "pairingCode">;
  /** The row may hold a newer desired state. */
  desiredStateChanged(row: SessionRow): void;
  /** The lease was extended until then; at that time the socket is closed. Milliseconds since the epoch. */
  renewed(until: number): void;
  /** The socket, while messages can be sent through it. */
  online(): WhatsAppSocket | null;
  qr: () => SessionQr | null;
  /** Another process owns the session: closes the socket and writes nothing. */
  lose(): void;
  /** Closes the socket and stops. Resolves when everything is written. */
  stop(): Promise<void>;
}

export interface LiveOptions {
  /** Delays the first connection, because many sessions can start at the same time. */
  connectAfterMs: number;
  services: Services;
  store: Store;
  atRest: (sessionId: string) => NodeAtRest;
  openCredentials: OpenCredentials;
  openSocket: OpenSocket;
  tunnels: Tunnels;
  deliveries: Deliveries;
  chats: Chats;
  conversations: Pick<Conversations, "forget">;
  receive: ReceiveMessage;
  acted: (fence: Fence, acknowledged: Acknowledged) => Promise<void>;
  applyOwnChange: ApplyOwnChange;
  identities: Identities;
  knownNumbers: Pick<KnownNumbers, "alive">;
  erased: Pick<Erased, "covers" | "knows">;
  gates: Gates;
  metrics: SessionMetrics;
  logger: Logger;
  version: Pick<Versions, "current" | "accepted" | "refused">;
  onAppended(): void;
  /** The session's state `online` is stored. */
  onOnline(sessionId: string): void;
  /** The session was deleted, or another process owns it. */
  onGone(live: LiveSession): void;
}

const stopMs = 2000;

/** Runs a session whose lease was just acquired. */
export function adoptSession(row: SessionRow, options: LiveOptions): LiveSession {
  const { services, metrics } = options;
  const fence: Fence = { sessionId: row.id, fence: row.fence };
  const logger = options.logger.child({ sessionId: row.id });
  const atRest = options.atRest(row.id);
  // These throw when a key is missing, so they come before anything that would have to be stopped.
  const restored = machineFromRow(row, atRest);
  const proxyUrl = openProxy(atRest, row.id, row.sealedProxy);
  let newest = row.revision;
  let stopping: Promise<void> | undefined;

  const lease = createLease({
    services,
    // Another connector may acquire the session now, and two sockets of one device disconnect each other.
    onExpired() {
      logger.warn("the lease expired before it was renewed");
      connection.drop();
    },
    onLate: () => metrics.leases.inc({ change: "renewed_late" }),
  });

  function unsaved(error: unknown): void {
    if (error instanceof LeaseLost) lost();
    else logger.error({ error }, "something received from WhatsApp could not be stored");
  }

  function lost(): void {
    if (stopping) return;
    metrics.leases.inc({ change: "lost" });
    logger.warn("another connector owns this session now; its socket is closed here");
    options.onGone(live);
    live.stop().catch(unclosed);
  }

  function unclosed(error: unknown): void {
    logger.warn({ error }, "a socket could not be closed");
  }

  /** Stores the machine's state and its event in one transaction; false when the lease is lost. */
  async function store(current: Machine, nextAttemptAt: Date | null, more: (at: Date) => InStatement[]) {
    const at = services.now();
    const { state, reason, phone, revision, attempts } = current;
    const report = { state, reason, phone, revision, attempts, nextAttemptAt };
    const statements = await reportStatements(fence, report, { services, atRest, at });
    try {
      await writeFenced(options.store, fence, [...more(at), ...statements]);
    } catch (error) {
      if (error instanceof LeaseLost) return false;
      throw error;
    }
    logger.info({ state, reason, attempts }, "the session's state is reported");
    options.onAppended();
    if (state === "online") options.onOnline(row.id);
    return true;
  }

  const sending = createSending(fence, {
    ...options,
    logger,
    socket: () => live.online(),
    unsaved,
  });
  const proxy = createSessionProxy(fence, {
    ...options,
    logger,
    url: proxyUrl,
    session: () => session,
    unsaved,
  });
  const connection = createConnection(fence, {
    ...options,
    workspaceId: row.workspaceId,
    proxy,
    sending,
    credentials: options.openCredentials(fence, atRest),
    logger,
    session: () => session,
    isStopped: () => stopping !== undefined,
    holdsLease: () => lease.holds(),
    unsaved,
  });
  const { login, past } = forgetStatements;
  const removal = (at: Date) => [...login(fence), ...past(fence), ...removalStatements(fence, at)];

  /** Clears in memory what was just deleted in the store. */
  function clear(kind: keyof typeof forgetStatements): void {
    options.conversations.forget(row.id);
    if (kind === "login") return connection.dropCaches();
    sending.forget();
    options.chats.forget(row.id);
  }

  async function stop(): Promise<void> {
    lease.stop();
    proxy.stop();
    session.stop();
    sending.stop();
    const { promise: isOver, resolve } = Promise.withResolvers<void>();
    const cancelTimeout = services.after(stopMs, resolve);
    await Promise.race([session.idle(), isOver]);
    await Promise.race([connection.close(), isOver]).finally(cancelTimeout);
  }

  const session: Session = createSession(restored, {
    open: (number) => connection.open(number),
    close: (number) => connection.end(number, "close"),
    logOut: (number) => connection.end(number, "logOut"),
    async report(machine, forget, nextAttemptAt) {
      const isOurs = await store(machine, nextAttemptAt, () => (forget ? forgetStatements[forget](fence) : []));
      if (isOurs && forget) clear(forget);
      return isOurs;
    },
    dropCaches: () => connection.dropCaches(),
    refreshVersion: () => connection.versionRefused(),
    alert: ({ reason }) => logger.error({ reason }, "the session needs attention"),
    async remove(machine) {
      if (!(await store(machine, null, removal))) return false;
      clear("login");
      clear("past");
      options.onGone(live);
      // Not awaited: the stop waits until this step is over.
      live.stop().catch(unclosed);
      return true;
    },
    lost,
    failed: (effect, error) => logger.error({ effect, error }, "a step of the session failed"),
    now: services.now,
    after: services.after,
    chance: services.chance,
  });

  const live: LiveSession = {
    fence,
    workspaceId: row.workspaceId,
    session,
    sending,
    connection,
    desiredStateChanged(next) {
      // Two desired states can arrive in the wrong order.
      if (next.revision < newest) return;
      try {
        proxy.use(openProxy(atRest, row.id, next.sealedProxy));
      } catch (error) {
        // The session must not connect through another proxy, or without one.
        return logger.error({ error }, "the session's proxy could not be opened; the desired state is not applied");
      }
      const change = changeAfter(newest, next);
      newest = next.revision;
      session.post(change);
    },
    renewed: (until) => lease.renewed(until),
    online() {
      return session.machine.state === "online" && lease.holds() ? connection.socket() : null;
    },
    qr: () => session.qr,
    lose: lost,
    stop: () => (stopping ??= stop()),
  };
  live.renewed(row.leaseUntil);
  const change = changeAfter(row.actedRevision, row);
  const isChanged = row.revision > row.actedRevision;
  if (!isChanged || change.type === "settingsChanged") session.post({ type: "adopted" });
  if (isChanged) session.post(change);
  return live;
}
