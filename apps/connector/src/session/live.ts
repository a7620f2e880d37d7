import type { SessionQr } from "@sandi/contracts";
import type { InStatement } from "@libsql/client";
import type { Logger } from "pino";
import type { OpenSocket, WhatsAppSocket } from "../baileys/socket.ts";
import type { ReceiveMessage } from "../inbound/receive-message.ts";
import type { Deliveries } from "../deliveries/deliveries.ts";
import type { KnownNumbers } from "../numbers/known-numbers.ts";
import type { Tunnels } from "../proxy/tunnel.ts";
import type { Services } from "../services.ts";
import type { Chats } from "../store/chats.ts";
import { forgetStatements } from "../store/account.ts";
import type { OpenCredentials } from "../store/credentials.ts";
import type { Identities } from "../store/identities.ts";
import type { NodeAtRest } from "@sandi/crypto/node";
import { openNumber } from "../store/own-number.ts";
import { openProxy } from "../store/sealed-proxy.ts";
import { type Fence, LeaseLost, writeFenced } from "../store/fence.ts";
import { removalStatements, type SessionRow } from "../store/sessions.ts";
import { reportStatements } from "../store/state-report.ts";
import type { Store } from "../store/store.ts";
import type { Versions } from "../versions.ts";
import type { Gates } from "./gate.ts";
import type { SessionMetrics } from "./metrics.ts";
import { type Connection, createConnection } from "./connection.ts";
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
  /** The row as it is now, with a wish that may be newer. */
  wished(row: SessionRow): void;
  /** The lease holds until then; without another call there is no socket after it. Milliseconds since the epoch. */
  renewed(until: number): void;
  /** The socket, while messages can be sent through it. */
  online(): WhatsAppSocket | null;
  qr: () => SessionQr | null;
  /** Another process owns the session: close the socket, write nothing. */
  lose(): void;
  /** Closes the socket and stops; with nothing left to write when it resolves. */
  stop(): Promise<void>;
}

export interface LiveOptions {
  /** Before the first connection, which so many others may want at the same time. */
  connectAfterMs: number;
  services: Services;
  store: Store;
  atRest: (sessionId: string) => NodeAtRest;
  openCredentials: OpenCredentials;
  openSocket: OpenSocket;
  tunnels: Tunnels;
  deliveries: Deliveries;
  chats: Chats;
  receive: ReceiveMessage;
  identities: Identities;
  knownNumbers: Pick<KnownNumbers, "alive">;
  gates: Gates;
  metrics: SessionMetrics;
  logger: Logger;
  version: Pick<Versions, "current" | "worked" | "refused">;
  onNews(): void;
  /** The session is not ours any more: deleted, or taken by another. */
  onGone(live: LiveSession): void;
}

const stopMs = 2000;

/** Takes up a session whose lease was just acquired. */
export function adoptSession(row: SessionRow, options: LiveOptions): LiveSession {
  const { services, metrics } = options;
  const fence: Fence = { sessionId: row.id, fence: row.fence };
  const logger = options.logger.child({ sessionId: row.id });
  const atRest = options.atRest(row.id);
  // Before anything is in motion that would have to be stopped: a value whose key is gone does not open.
  const numbers = {
    phone: openNumber(atRest, row.id, row.sealedPhone),
    account: openNumber(atRest, row.id, row.sealedAccount),
  };
  const proxyUrl = openProxy(atRest, row.id, row.sealedProxy);
  let newest = row.revision;
  let stopping: Promise<void> | undefined;

  const lease = createLease({
    services,
    // Another may take the session from now on, and two sockets of one device throw each other out.
    onExpired() {
      logger.warn("the lease ran out before it could be renewed");
      connection.drop();
    },
    onLate: () => metrics.leases.inc({ change: "renewed_late" }),
  });

  function unsaved(error: unknown): void {
    if (error instanceof LeaseLost) lost();
    else logger.error({ error }, "something learned from WhatsApp could not be stored");
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

  /** Stores the machine's state and its event, each of them or none; false when the lease was lost. */
  async function store(machine: Machine, nextAttemptAt: Date | null, more: (at: Date) => InStatement[]) {
    const at = services.now();
    const { state, reason, phone, revision, attempts } = machine;
    const report = { state, reason, phone, revision, attempts, nextAttemptAt };
    const told = await reportStatements(fence, report, { services, atRest, at });
    try {
      await writeFenced(options.store, fence, [...more(at), ...told]);
    } catch (error) {
      if (error instanceof LeaseLost) return false;
      throw error;
    }
    logger.info({ state, reason, attempts }, "the session's state is told");
    options.onNews();
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

  /** Clears from memory what the store has just forgotten. */
  function dropped(what: keyof typeof forgetStatements): void {
    if (what === "login") return connection.dropCaches();
    sending.forget();
    options.chats.forget(row.id);
  }

  async function stop(): Promise<void> {
    lease.stop();
    proxy.stop();
    session.stop();
    sending.stop();
    const { promise: isOver, resolve } = Promise.withResolvers<void>();
    const cancelPatience = services.after(stopMs, resolve);
    await Promise.race([session.idle(), isOver]);
    await Promise.race([connection.close(), isOver]).finally(cancelPatience);
  }

  const session: Session = createSession(machineOf(row, numbers), {
    open: (number) => connection.open(number),
    close: (number) => connection.shut(number, "close"),
    logOut: (number) => connection.shut(number, "logOut"),
    async report(machine, forget, nextAttemptAt) {
      const isOurs = await store(machine, nextAttemptAt, () => (forget ? forgetStatements[forget](fence) : []));
      if (isOurs && forget) dropped(forget);
      return isOurs;
    },
    dropCaches: () => connection.dropCaches(),
    refreshVersion: () => connection.versionRefused(),
    alert: ({ reason }) => logger.error({ reason }, "the session needs somebody to look at it"),
    async remove(machine) {
      if (!(await store(machine, null, removal))) return false;
      dropped("login");
      dropped("past");
      options.onGone(live);
      // Not awaited: it waits for this very step to end.
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
    wished(wish) {
      // Of two that crossed the older one may come last.
      if (wish.revision < newest) return;
      try {
        proxy.use(openProxy(atRest, row.id, wish.sealedProxy));
      } catch (error) {
        // It must not go through another proxy, or none.
        return logger.error({ error }, "the session's proxy could not be opened; its wish waits");
      }
      newest = wish.revision;
      session.post({ type: "wished", desired: wish.desired, revision: newest });
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
  const hasNewWish = row.revision > row.actedRevision;
  session.post(hasNewWish ? { type: "wished", desired: row.desired, revision: row.revision } : { type: "adopted" });
  return live;
}

function machineOf(row: SessionRow, { phone, account }: Pick<Machine, "phone" | "account">): Machine {
  return {
    state: row.state,
    reason: row.reason,
    phone,
    account,
    desired: row.desired,
    revision: row.actedRevision,
    isLinked: phone !== null,
    socket: null,
    lastSocket: 0,
    attempts: 0,
    strikes: 0,
    isVersionFresh: false,
    restarts: 0,
  };
}
