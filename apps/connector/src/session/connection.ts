import type { PairingCode } from "@sandi/contracts";
import type { Logger } from "pino";
import { type AuthState, isLinked, openAuthState } from "../baileys/auth-state.ts";
import { createSocketCaches } from "../baileys/caches.ts";
import type { OpenSocket, WhatsAppSocket } from "../baileys/socket.ts";
import type { ReceiveMessage } from "../inbound/receive-message.ts";
import type { Deliveries } from "../deliveries/deliveries.ts";
import type { KnownNumbers } from "../numbers/known-numbers.ts";
import type { Tunnel } from "../proxy/tunnel.ts";
import type { ProxyWatch } from "../proxy/watch.ts";
import type { ClientVersion, Services } from "../services.ts";
import type { Credentials } from "../store/credentials.ts";
import type { Identities } from "../store/identities.ts";
import type { Fence } from "../store/fence.ts";
import type { Versions } from "../versions.ts";
import type { Gates } from "./gate.ts";
import type { SessionMetrics } from "./metrics.ts";
import { type AwaitedAck, createAcks } from "./acks.ts";
import type { Sending } from "./sending.ts";
import type { CloseKind } from "../close-reasons.ts";
import type { Session } from "./session.ts";
import { createPairing } from "./pairing.ts";
import { createWatchdog } from "./watchdog.ts";

/** A session's socket, one after another, and what they have in common. */
export interface Connection {
  /** The socket that the machine counts on, once it is there. */
  socket(): WhatsAppSocket | null;
  open(number: number): void;
  shut(number: number, how: "close" | "logOut"): Promise<void>;
  /** Closes the socket, whichever it is. */
  close(): Promise<void>;
  /** Closes the socket and tells the machine that it is lost. */
  drop(): void;
  /** Reads keys afresh before the next login. */
  dropCaches(): void;
  /** The client version that the last socket named was refused; true when there is another to try. */
  versionRefused: () => Promise<boolean>;
  /** Listens for the server's answer to a message; from before it is sent, for the answer can be quick. */
  awaitAck(waId: string): AwaitedAck;
  /** When the server last said something, and how many messages it has not acknowledged yet. */
  signs(): { heardAt: Date | null; sending: number };
  /** Asks for the devices of this person, and our own, before the next message. */
  forgetDevices(chat: string): void;
  /** Null unless QR codes are on show. */
  pairingCode(phone: string): Promise<PairingCode | null>;
}

interface Options {
  workspaceId: string;
  connectAfterMs: number;
  services: Services;
  credentials: Credentials;
  openSocket: OpenSocket;
  deliveries: Deliveries;
  receive: ReceiveMessage;
  identities: Identities;
  knownNumbers: Pick<KnownNumbers, "alive">;
  sending: Pick<Sending, "opened" | "learned">;
  gates: Gates;
  metrics: SessionMetrics;
  logger: Logger;
  proxy: Pick<ProxyWatch, "open" | "isUsed" | "check" | "noted">;
  version: Pick<Versions, "current" | "worked" | "refused">;
  /** The session that these sockets are of. */
  session: () => Session;
  isStopped: () => boolean;
  holdsLease: () => boolean;
  /** What a socket told could not be stored. */
  unsaved: (error: unknown) => void;
}

const loginRoomMs = 30_000;
/** What a proxy that fails looks like from here. */
const maybeOfProxy: ReadonlySet<CloseKind> = new Set(["connection_lost", "timed_out", "server_error"]);
const leaseRetryMs = 1000;

export function createConnection(fence: Fence, options: Options): Connection {
  const { services, credentials, deliveries, identities, metrics, logger, isStopped, unsaved } = options;
  const caches = createSocketCaches();
  const watchdog = createWatchdog({ services });
  const acks = createAcks(services, () => watchdog.unanswered());
  let auth: Promise<AuthState> | undefined;
  let current: { number: number; socket: WhatsAppSocket; tunnel: Tunnel | null; leave: () => void } | undefined;
  let version: ClientVersion | null = null;
  let firstDelayMs = options.connectAfterMs;
  const pairing = createPairing({ services, session: options.session, socket: chosen });

  /** The same for all sockets, until it is dropped; what was being read then is not kept either. */
  async function loadAuth(): Promise<AuthState> {
    const opening = (auth ??= openAuthState(credentials));
    try {
      return await opening;
    } catch (error) {
      if (auth === opening) auth = undefined;
      throw error;
    }
  }

  function dropCaches(): void {
    auth = undefined;
    void caches.userDevices.flushAll();
  }

  function open(number: number): void {
    if (firstDelayMs > 0) {
      services.after(firstDelayMs, () => enter(number));
      firstDelayMs = 0;
    } else enter(number);
  }

  function enter(number: number): void {
    const gate = options.gates[options.proxy.isUsed() ? "proxied" : "direct"];
    gate.enter(options.workspaceId, (leave) => {
      connect(number, leave).catch((error: unknown) => {
        leave();
        logger.warn({ error }, "the connection could not be opened");
        options.session().closed(number, "connection_lost");
      });
    });
  }

  async function connect(number: number, leave: () => void): Promise<void> {
    const session = options.session();
    if (isStopped() || session.machine.socket !== number) return leave();
    // What an unfinished pairing left behind would make the next login fail.
    if (auth && !isLinked((await loadAuth()).creds)) dropCaches();
    const state = await loadAuth();
    if (isStopped() || session.machine.socket !== number) return leave();
    if (!options.holdsLease()) {
      services.after(leaseRetryMs, () => open(number));
      return leave();
    }
    const cancelRoom = services.after(loginRoomMs, leave);
    const left = () => {
      cancelRoom();
      leave();
    };
    const tunnel = options.proxy.open();
    version = options.version.current();
    const named = version;
    const socket = options.openSocket({
      tunnel,
      auth: state,
      caches,
      version,
      logger,
      listener: {
        onQr(qr, lifetimeMs) {
          left();
          options.proxy.noted(true);
          pairing.qr(number, qr, lifetimeMs);
        },
        onLinked: (phone) => session.post({ type: "linked", socket: number, phone }),
        onOpened(phone) {
          options.version.worked(named).catch(unsaved);
          left();
          options.proxy.noted(true);
          session.post({ type: "opened", socket: number, phone });
          watchdog.watch(socket, () => {
            logger.warn("the socket is open and answers nothing; another is opened");
            metrics.closes.inc({ reason: "not_answering" });
            drop("not_answering");
          });
          options.sending.opened(socket);
        },
        onClosed(kind) {
          left();
          if (current?.number === number) forgetSocket();
          void closed(number, kind, tunnel);
        },
        onPasskey: () => session.post({ type: "passkeyAsked", socket: number }),
        onAck({ waId, error }) {
          watchdog.heard();
          if (acks.answer(waId, error === null ? { type: "sent" } : { type: "refused", error })) return;
          // It comes late, but it comes.
          if (error === null) deliveries.sent(fence, waId, null).catch(unsaved);
        },
        onLimits: (news) => options.sending.learned(news),
        onIdentity(identity) {
          alive([identity.pn]);
          identities
            .learned([identity])
            .catch((error: unknown) => logger.debug({ error }, "an identity is not stored"));
        },
        pnOf: (lid) => identities.pnOf(lid),
        onReceipt(receipt) {
          watchdog.heard();
          alive(receipt.from);
          return deliveries.receipt(fence, receipt);
        },
        onMessage(message) {
          watchdog.heard();
          alive(message.names);
          return options.receive(fence, message);
        },
        getMessage: (waId, person) => deliveries.message(fence.sessionId, waId, person),
        onUnsaved: unsaved,
      },
    });
    current = { number, socket, tunnel, leave: left };
  }

  /** Not awaited: memory has it at once. If it is not stored, the next sign of life stores it. */
  function alive(jids: string[]): void {
    options.knownNumbers
      .alive(options.workspaceId, jids)
      .catch((error: unknown) => logger.debug({ error }, "a sign of life is not stored"));
  }

  async function closed(number: number, kind: CloseKind, tunnel: Tunnel | null): Promise<void> {
    const reason = tunnel ? await culprit(kind, tunnel) : kind;
    tunnel?.close();
    metrics.closes.inc({ reason });
    logger.info({ reason }, "the connection is closed");
    options.session().closed(number, reason);
  }

  /** A proxy that leads nowhere (any more) is the reason that counts. */
  async function culprit(kind: CloseKind, tunnel: Tunnel): Promise<CloseKind> {
    if (!tunnel.isThrough()) {
      options.proxy.noted(false);
      return "proxy_unreachable";
    }
    return maybeOfProxy.has(kind) && !(await options.proxy.check()) ? "proxy_unreachable" : kind;
  }

  function forgetSocket(): void {
    current = undefined;
    watchdog.stop();
    acks.abandon();
  }

  async function shut(number: number, how: "close" | "logOut"): Promise<void> {
    if (current?.number !== number) return;
    const { socket, tunnel, leave } = current;
    forgetSocket();
    leave();
    await socket[how]();
    tunnel?.close();
  }

  function chosen(): WhatsAppSocket | null {
    return current && current.number === options.session().machine.socket ? current.socket : null;
  }

  function drop(kind: CloseKind): void {
    if (!current) return;
    const { number } = current;
    shut(number, "close").catch((error: unknown) => logger.warn({ error }, "a socket could not be closed"));
    options.session().closed(number, kind);
  }

  return {
    socket: chosen,
    open,
    shut,
    async close() {
      if (current) await shut(current.number, "close");
    },
    drop: () => drop("connection_lost"),
    dropCaches,
    versionRefused: () => options.version.refused(version),
    awaitAck: (waId) => acks.await(waId),
    signs: () => ({ heardAt: watchdog.heardAt(), sending: acks.count() }),
    forgetDevices(chat) {
      for (const user of [chat.split("@")[0], options.session().machine.phone?.slice(1)]) {
        if (user !== undefined) void caches.userDevices.del(user);
      }
    },
    pairingCode: (phone) => pairing.code(phone),
  };
}
