import type { PairingCode } from "@sandi/contracts";
import type { Logger } from "pino";
import type { OpenSocket, WhatsAppSocket } from "../baileys/socket.ts";
import type { Acknowledged } from "../inbound/apply-action.ts";
import type { ApplyOwnChange } from "../inbound/apply-own-change.ts";
import type { ReceiveMessage } from "../inbound/receive-message.ts";
import type { Deliveries } from "../deliveries/deliveries.ts";
import type { KnownNumbers } from "../numbers/known-numbers.ts";
import type { Tunnel } from "../proxy/tunnel.ts";
import type { ProxyWatch } from "../proxy/watch.ts";
import type { ClientVersion, Services } from "../services.ts";
import type { Credentials } from "../store/credentials.ts";
import type { Erased } from "../store/erased.ts";
import type { Identities } from "../store/identities.ts";
import type { Fence } from "../store/fence.ts";
import type { Versions } from "../versions.ts";
import type { Gates } from "./gate.ts";
import type { SessionMetrics } from "./metrics.ts";
import { type AwaitedAck, createAcks } from "./acks.ts";
import type { Sending } from "./sending.ts";
import type { CloseKind } from "../close-reasons.ts";
import type { Session } from "./session.ts";
import { createSocketState } from "./socket-state.ts";
import { createPairing } from "./pairing.ts";
import { createPeople } from "./people.ts";
import { proxyOrKind } from "./proxy.ts";
import { createWatchdog } from "./watchdog.ts";

/** Opens and closes the sockets of a session, one after another. */
export interface Connection {
  /** The machine's current socket, once it is open. */
  socket(): WhatsAppSocket | null;
  open(number: number): void;
  end(number: number, how: "close" | "logOut"): Promise<void>;
  /** Closes any socket that is open. */
  close(): Promise<void>;
  /** Closes the socket and posts to the machine that it is lost. */
  drop(): void;
  /** The next login reads the keys from the store again. */
  dropCaches(): void;
  /** WhatsApp refused the client version of the last socket; true when there is another version to try. */
  versionRefused: () => Promise<boolean>;
  /** Listens for the server's answer to a message. Call it before the send, because the answer can be fast. */
  awaitAck(waId: string): AwaitedAck;
  /** When the server last sent something, and how many messages have no ack yet. */
  signs(): { heardAt: Date | null; sending: number };
  /** The next message to this person asks WhatsApp for the devices of both sides. */
  forgetDevices(chat: string): void;
  /** Null unless the session shows QR codes. */
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
  /** WhatsApp has acknowledged a message that nobody waits for; it may be an action. */
  acted: (fence: Fence, acknowledged: Acknowledged) => Promise<void>;
  applyOwnChange: ApplyOwnChange;
  identities: Identities;
  knownNumbers: Pick<KnownNumbers, "alive">;
  erased: Pick<Erased, "covers" | "knows">;
  sending: Pick<Sending, "opened" | "receivedLimits">;
  gates: Gates;
  metrics: SessionMetrics;
  logger: Logger;
  proxy: Pick<ProxyWatch, "open" | "isUsed" | "check" | "observed">;
  version: Pick<Versions, "current" | "accepted" | "refused">;
  /** The session that these sockets belong to. */
  session: () => Session;
  isStopped: () => boolean;
  holdsLease: () => boolean;
  /** Something that a socket received could not be stored. */
  unsaved: (error: unknown) => void;
}

const maxLoginMs = 30_000;
const leaseRetryMs = 1000;

export function createConnection(fence: Fence, options: Options): Connection {
  const { services, credentials, deliveries, identities, metrics, logger, isStopped, unsaved } = options;
  const state = createSocketState(credentials);
  const watchdog = createWatchdog({ services });
  const acks = createAcks(services, () => watchdog.unanswered());
  let current: { number: number; socket: WhatsAppSocket; tunnel: Tunnel | null; leave: () => void } | undefined;
  let version: ClientVersion | null = null;
  let firstDelayMs = options.connectAfterMs;
  const people = createPeople(fence.sessionId, options);
  const pairing = createPairing({ services, session: options.session, socket: currentSocket });

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
    const auth = await state.load();
    if (isStopped() || session.machine.socket !== number) return leave();
    if (!options.holdsLease()) {
      services.after(leaseRetryMs, () => open(number));
      return leave();
    }
    const cancelTimeout = services.after(maxLoginMs, leave);
    const loginOver = () => {
      cancelTimeout();
      leave();
    };
    const tunnel = options.proxy.open();
    version = options.version.current();
    const usedVersion = version;
    const socket = options.openSocket({
      tunnel,
      auth,
      caches: state.caches,
      version,
      logger,
      listener: {
        onQr(qr, lifetimeMs) {
          loginOver();
          options.proxy.observed(true);
          pairing.qr(number, qr, lifetimeMs);
        },
        onLinked: (phone) => session.post({ type: "linked", socket: number, phone }),
        onOpened(phone) {
          options.version.accepted(usedVersion).catch(unsaved);
          loginOver();
          options.proxy.observed(true);
          session.post({ type: "opened", socket: number, phone });
          watchdog.watch(socket, () => {
            logger.warn("the socket answers nothing; another one is opened");
            metrics.closes.inc({ reason: "not_answering" });
            drop("not_answering");
          });
          options.sending.opened(socket);
        },
        onClosed(kind) {
          loginOver();
          if (current?.number === number) forgetSocket();
          void closed(number, kind, tunnel);
        },
        onPasskey: () => session.post({ type: "passkeyRequested", socket: number }),
        onAck({ waId, error }) {
          watchdog.heard();
          if (acks.answer(waId, error === null ? { type: "sent" } : { type: "refused", error })) return;
          // Nobody waits for this ack any more. It is stored all the same.
          if (error !== null) return;
          deliveries.sent(fence, waId, null).catch(unsaved);
          options.acted(fence, { waId, own: () => socket.own() }).catch(unsaved);
        },
        onLimits: (report) => options.sending.receivedLimits(report),
        onIdentity(identity, at) {
          people.alive([identity.pn]);
          people.learned(identity, at);
        },
        pnOf: (lid) => identities.pnOf(lid),
        onReceipt(receipt) {
          watchdog.heard();
          people.alive(receipt.from);
          return deliveries.receipt(fence, receipt);
        },
        onMessage(message) {
          watchdog.heard();
          if (message.origin === null) people.alive(message.names);
          return options.receive(fence, message);
        },
        onOwnChange: (waId, change) => options.applyOwnChange(fence, waId, change),
        onLeft(group, names) {
          deliveries.left(fence, group, names).catch(unsaved);
        },
        getMessage: (waId, person) => deliveries.message(fence.sessionId, waId, person),
        onUnsaved: unsaved,
      },
    });
    current = { number, socket, tunnel, leave: loginOver };
  }

  async function closed(number: number, kind: CloseKind, tunnel: Tunnel | null): Promise<void> {
    const reason = tunnel ? await proxyOrKind(kind, tunnel, options.proxy) : kind;
    tunnel?.close();
    metrics.closes.inc({ reason });
    logger.info({ reason }, "the connection is closed");
    options.session().closed(number, reason);
  }

  function forgetSocket(): void {
    current = undefined;
    watchdog.stop();
    acks.abandon();
  }

  async function end(number: number, how: "close" | "logOut"): Promise<void> {
    if (current?.number !== number) return;
    const { socket, tunnel, leave } = current;
    forgetSocket();
    leave();
    await socket[how]();
    tunnel?.close();
  }

  function currentSocket(): WhatsAppSocket | null {
    return current && current.number === options.session().machine.socket ? current.socket : null;
  }

  function drop(kind: CloseKind): void {
    if (!current) return;
    const { number } = current;
    end(number, "close").catch((error: unknown) => logger.warn({ error }, "a socket could not be closed"));
    options.session().closed(number, kind);
  }

  return {
    socket: currentSocket,
    open,
    end,
    async close() {
      if (current) await end(current.number, "close");
    },
    drop: () => drop("connection_lost"),
    dropCaches: () => state.drop(),
    versionRefused: () => options.version.refused(version),
    awaitAck: (waId) => acks.await(waId),
    signs: () => ({ heardAt: watchdog.heardAt(), sending: acks.count() }),
    forgetDevices(chat) {
      state.forgetDevices([chat.split("@")[0], options.session().machine.phone?.slice(1)]);
    },
    pairingCode: (phone) => pairing.code(phone),
  };
}
