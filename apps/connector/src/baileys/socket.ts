import {
  type BinaryNode,
  fetchLatestWaWebVersion,
  getBinaryNodeChild,
  jidDecode,
  jidNormalizedUser,
  makeWASocket,
  type MessageRelayOptions,
  type proto,
  S_WHATSAPP_NET,
  type WASocket,
  WA_CERT_DETAILS,
} from "@whiskeysockets/baileys";
import type { Config } from "../config.ts";
import type { ClientVersion } from "../services.ts";
import type { CloseKind } from "../session/close-reasons.ts";
import { answered } from "./answered.ts";
import { type AuthState, isLinked } from "./auth-state.ts";
import { boundUnpacking } from "./bounds.ts";
import { kindOfClose } from "./close.ts";
import { contained, failureOf } from "./contain.ts";
import { interceptDecryption } from "./decrypted.ts";
import { requireDevices, takeDeviceNews } from "./devices.ts";
import { type LimitNews, type LimitsListener, readLimits, takeLimits } from "./limits.ts";
import { type LookUpAnswer, lookUp } from "./look-up.ts";
import { mendSignatures, silenceConsole } from "./mends.ts";
import { decodeMessage, revocationId, revocationMessage } from "./message.ts";
import { type MessageListener, takeMessages } from "./messages.ts";
import { isAnswer, orNoAnswer } from "./no-answer.ts";
import { namesOf, takeIdentities } from "./people.ts";
import { type ReceiptListener, takeReceipts } from "./receipts.ts";
import { socketConfig, type SocketParts, type SocketTuning } from "./socket-config.ts";
import { refuseOutOfTurn } from "./turns.ts";

// Before the first socket of this process.
silenceConsole();
mendSignatures();
boundUnpacking();
interceptDecryption();

/** What a socket tells; nothing comes after `onClosed`, and nothing at all once it was closed from this side. */
export interface SocketListener extends ReceiptListener, MessageListener, LimitsListener {
  onQr(qr: string, lifetimeMs: number): void;
  onLinked(phone: string): void;
  onOpened(phone: string): void;
  onClosed(kind: CloseKind): void;
  /** Linking this account takes a passkey, or has stalled as it does then. */
  onPasskey(): void;
  onAck(ack: { waId: string; error: string | null }): void;
  /** The message as it was sent, for a device of this person that could not decrypt it. */
  getMessage(waId: string, person: string[]): Promise<Uint8Array | null>;
}

/** One connection to WhatsApp. */
export interface WhatsAppSocket {
  /** Which numbers have an account, as far as WhatsApp says so. */
  lookUp(digits: string[]): Promise<LookUpAnswer>;
  /** Resolves when the frame is written; the server's answer comes as an ack. Rejects with `NoAnswer` to be tried later. */
  send(jid: string, waId: string, message: Uint8Array): Promise<void>;
  /** Takes a message of ours back for everyone; `send` resolves as above, and the answer comes under its own id. */
  revocationOf(jid: string, waId: string): { waId: string; send(): Promise<void> };
  /** The hidden id that WhatsApp uses for this person, as far as it is known. */
  lidOf(jid: string): Promise<string | null>;
  /** Makes a call of this room; rejects with `Refused` or `NoAnswer`. */
  call<Input, Output>(ask: (sock: WASocket, input: Input) => Promise<Output>, input: Input): Promise<Output>;
  /** What WhatsApp says of the account; rejects when it does not answer. */
  readLimits(): Promise<LimitNews>;
  requestPairingCode(digits: string): Promise<string>;
  /** Asks the server for something small; false when it does not answer in time. An error is an answer. */
  probe(timeoutMs: number): Promise<boolean>;
  /** Unlinks this device at WhatsApp, then closes. */
  logOut(): Promise<void>;
  close(): Promise<void>;
}

export interface SocketOptions extends SocketParts {
  listener: SocketListener;
}

export type OpenSocket = (options: SocketOptions) => WhatsAppSocket;

const connectTimeoutMs = 20_000;
const closeGraceMs = 1000;
const endTimeoutMs = 5000;
const linkingStallMs = 45_000;
const firstQrMs = 60_000;
const nextQrMs = 20_000;
/** How a stanza says that it takes back what its own sender wrote. */
const senderRevoke = "7";
const passkeyNotifications = new Set(["passkey_prologue_request", "crsc_continuation"]);

/** How this process opens sockets: to the real WhatsApp, or to a simulated one with its own root key. */
export function socketOpener({ wsUrl, rootKey }: Config["whatsapp"], tuning: SocketTuning = {}): OpenSocket {
  if (rootKey) WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(rootKey);
  return (options) => openSocket(wsUrl, tuning, options);
}

/** Asks WhatsApp Web which version it is. */
export async function latestVersion(timeoutMs: number): Promise<ClientVersion | null> {
  const { version, isLatest } = await fetchLatestWaWebVersion({ signal: AbortSignal.timeout(timeoutMs) });
  return isLatest ? version : null;
}

function openSocket(
  wsUrl: string,
  tuning: SocketTuning,
  { auth, caches, version, listener, logger, tunnel }: SocketOptions,
): WhatsAppSocket {
  let isDead = false;
  let isFirstQr = true;
  let isOpened = false;
  let stall: NodeJS.Timeout | undefined;
  /** What must be done before anything more is told. */
  let linking: Promise<void> = Promise.resolve();
  const config = socketConfig(wsUrl, tuning, { auth, caches, version, logger, tunnel });
  const make = () =>
    makeWASocket({
      ...config,
      async getMessage({ id, remoteJid }) {
        const bytes = id ? await listener.getMessage(id, await namesOf(sock, listener, remoteJid ?? undefined)) : null;
        return bytes ? decodeMessage(bytes) : undefined;
      },
    });
  const sock = contained(make, (error) => {
    logger.warn({ failure: failureOf(error) }, "something that WhatsApp brought could not be handled");
  });

  // A half-open line never answers the closing handshake, and Baileys tells of a close only after it.
  const client = sock.ws as unknown as { socket: { terminate(): void } | null; close(): Promise<void> };
  const handshake = client.close.bind(client);
  client.close = () => {
    const { socket } = client;
    const axe = setTimeout(() => socket?.terminate(), closeGraceMs);
    return handshake().finally(() => clearTimeout(axe));
  };
  const connecting = setTimeout(() => void giveUp("timed_out"), connectTimeoutMs);
  // An HTTP answer comes from a proxy in front of WhatsApp: a 401 from there logs nobody out. Baileys would wait for ever.
  sock.ws.on("unexpected-response", () => void giveUp("server_unavailable"));
  refuseOutOfTurn(sock, isLinked(auth.creds), () => void giveUp("unexpected_answer"));

  function die(): boolean {
    clearTimeout(stall);
    clearTimeout(connecting);
    if (isDead) return false;
    return (isDead = true);
  }

  function passkey(): void {
    if (!isDead && !isLinked(auth.creds)) listener.onPasskey();
  }

  sock.ev.on("creds.update", () => {
    auth.saveCreds().catch(listener.onUnsaved);
  });
  sock.ev.on("connection.update", ({ connection, lastDisconnect, qr, isNewLogin }) => {
    if (isDead) return;
    if (qr !== undefined || connection === "open") clearTimeout(connecting);
    if (qr !== undefined) {
      listener.onQr(qr, tuning.qrTimeoutMs ?? (isFirstQr ? firstQrMs : nextQrMs));
      isFirstQr = false;
    }
    if (isNewLogin) {
      clearTimeout(stall);
      // The credentials must be safe before the login that follows the close.
      linking = auth.saveCreds().then(() => listener.onLinked(phoneOf(auth)), listener.onUnsaved);
    }
    if (connection === "open" && !isOpened) {
      isOpened = true;
      listener.onOpened(phoneOf(auth));
    }
    if (connection === "close" && die()) {
      void linking.then(() => listener.onClosed(kindOfClose(lastDisconnect?.error)));
    }
  });
  sock.ws.on("CB:ack,class:message", ({ attrs }: BinaryNode) => {
    if (!isDead && attrs["id"]) listener.onAck({ waId: attrs["id"], error: attrs["error"] ?? null });
  });
  sock.ws.on("CB:notification", (node: BinaryNode) => {
    const { type } = node.attrs;
    if (type !== undefined && passkeyNotifications.has(type)) return passkey();
    if (type !== "link_code_companion_reg") return;
    const reg = getBinaryNodeChild(node, "link_code_companion_reg");
    // The first notification has no key and comes before the code is typed, passkey or not: it decides nothing.
    if (!getBinaryNodeChild(reg, "link_code_pairing_wrapped_primary_ephemeral_pub")) return;
    clearTimeout(stall);
    stall = setTimeout(passkey, tuning.linkingStallMs ?? linkingStallMs);
  });
  const drop = () => client.socket?.terminate();
  takeReceipts(sock, listener, drop);
  takeIdentities(sock, listener);
  takeLimits(sock, listener);
  takeDeviceNews(sock, caches);
  takeMessages(sock, auth, listener, drop);

  /** Nothing came of the connection. */
  async function giveUp(kind: CloseKind): Promise<void> {
    if (isDead) return;
    await shut(() => ended(sock));
    listener.onClosed(kind);
  }

  async function shut(ending: () => Promise<unknown>): Promise<void> {
    if (!die()) return;
    // Whatever goes wrong, it is closed when the time is over.
    await Promise.race([ending().catch(() => undefined), wait(endTimeoutMs)]);
    client.socket?.terminate();
  }

  async function relay(jid: string, message: proto.IMessage, options: MessageRelayOptions): Promise<void> {
    await requireDevices(sock, caches, auth, jid);
    await sock.relayMessage(jid, message, options).catch(orNoAnswer);
  }

  return {
    lookUp: (digits) => lookUp(sock, digits),
    send: (jid, waId, message) => relay(jid, decodeMessage(message), { messageId: waId }),
    revocationOf: (jid, revoked) => {
      const waId = revocationId(revoked);
      const message = decodeMessage(revocationMessage(jid, revoked));
      return {
        waId,
        send: () => relay(jid, message, { messageId: waId, additionalAttributes: { edit: senderRevoke } }),
      };
    },
    async lidOf(jid) {
      const lid = await sock.signalRepository.lidMapping.getLIDForPN(jid);
      return lid ? jidNormalizedUser(lid) : null;
    },
    call: (ask, input) => answered(ask(sock, input)),
    readLimits: () => readLimits(sock),
    requestPairingCode: (digits) => sock.requestPairingCode(digits),
    async probe(timeoutMs) {
      const content = [{ tag: "count", attrs: {} }];
      const question = { tag: "iq", attrs: { to: S_WHATSAPP_NET, type: "get", xmlns: "encrypt" }, content };
      const answer = sock.query(question, tuning.probeMs ?? timeoutMs).then((node) => node !== undefined, isAnswer);
      return await answer;
    },
    logOut: () => shut(() => sock.logout().then(() => ended(sock))),
    close: () => shut(() => ended(sock)),
  };
}

/** Ends the socket; Baileys resolves this when the closing handshake is over. */
async function ended(sock: WASocket): Promise<void> {
  await (sock.end as unknown as (error: undefined) => Promise<void>)(undefined);
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

function phoneOf({ creds }: AuthState): string {
  return `+${jidDecode(creds.me?.id)?.user ?? ""}`;
}
