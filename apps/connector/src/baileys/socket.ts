import {
  type BinaryNode,
  type GroupMetadata,
  isJidGroup,
  jidDecode,
  makeWASocket,
  S_WHATSAPP_NET,
  type WASocket,
  WA_CERT_DETAILS,
} from "@whiskeysockets/baileys";
import type { Config } from "../config.ts";
import { storyJid } from "../content/jids.ts";
import { decode } from "../content/wire.ts";
import type { CloseKind } from "../close-reasons.ts";
import { answered } from "./answered.ts";
import { type AuthState, isLinked } from "./auth-state.ts";
import { limitInflate } from "./patches/limit-inflate.ts";
import { kindOfClose } from "./close.ts";
import { closingOf, ended } from "./closing.ts";
import { isolateHandlers, failureOf } from "./patches/isolate-handlers.ts";
import { patchDecryption } from "./patches/before-ratchet.ts";
import { subscribeDeviceChanges } from "./devices.ts";
import {
  createGroupSends,
  type GroupListener,
  type GroupSends,
  openKnownGroups,
  type SendingGroup,
} from "./group-sends.ts";
import { subscribeNewPhones } from "./sender-keys.ts";
import { type LimitReport, type LimitsListener, readLimits, subscribeLimits } from "./account-limits.ts";
import { type LookUpAnswer, lookUp } from "./look-up.ts";
import { watchPasskeys } from "./passkeys.ts";
import { type Jids, jidsOf } from "./jids.ts";
import { silenceConsole } from "./patches/silence-console.ts";
import { verifySignatures } from "./patches/verify-signatures.ts";
import { type MediaLink, mediaLink } from "./media.ts";
import { type MessageListener, receiveMessages } from "./receive-messages.ts";
import { isAnswer } from "./no-answer.ts";
import { namesOf, subscribeIdentities } from "./identities.ts";
import { completeAppStateAnswers } from "./app-state-answers.ts";
import { type OwnChangeListener, subscribeOwnChanges } from "./own-changes.ts";
import { type ReceiptListener, handleReceipts } from "./receipts.ts";
import { createSends, type Sends } from "./sends.ts";
import { socketConfig, type SocketParts, type SocketTuning } from "./socket-config.ts";
import { refuseUnexpectedStanzas } from "./unexpected-stanzas.ts";

// These patches run before the first socket of this process.
silenceConsole();
verifySignatures();
limitInflate();
patchDecryption();

/** Receives a socket's events. There are none after `onClosed`, and none after a call of `close` or `logOut`. */
export interface SocketListener
  extends ReceiptListener, MessageListener, LimitsListener, OwnChangeListener, GroupListener {
  onQr(qr: string, lifetimeMs: number): void;
  onLinked(phone: string): void;
  onOpened(phone: string): void;
  onClosed(kind: CloseKind): void;
  /** Linking this account needs a passkey, or has stalled, which is how that looks. */
  onPasskey(): void;
  onAck(ack: { waId: string; error: string | null }): void;
  /** Reads a sent message, for a device of this person that could not decrypt it. */
  getMessage(waId: string, person: string[]): Promise<Uint8Array | null>;
}

/** One connection to WhatsApp. */
export interface WhatsAppSocket extends Sends, Jids {
  /** Asks WhatsApp which numbers have an account. */
  lookUp(digits: string[]): Promise<LookUpAnswer>;
  /** Uploads and downloads. */
  readonly media: MediaLink;
  /** Rejects with `Refused` when WhatsApp does not describe the group, as to an account that is not in it. */
  group(jid: string): Promise<SendingGroup>;
  /** A message to the group was refused, or nobody knows what became of it. */
  renewGroup(jid: string, isStale: boolean): Promise<void>;
  /** Makes a call of this room; rejects with `Refused` or `NoAnswer`. */
  call<Input, Output>(ask: (sock: WASocket, input: Input) => Promise<Output>, input: Input): Promise<Output>;
  /** Asks WhatsApp for the account's limits. Rejects when it does not answer. */
  readLimits(): Promise<LimitReport>;
  requestPairingCode(digits: string): Promise<string>;
  /** Sends a small query; false when the server does not answer in time. An error is an answer. */
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
const firstQrMs = 60_000;
const nextQrMs = 20_000;

/** Opens sockets to the real WhatsApp, or to a simulated one with its own root key. */
export function socketOpener({ wsUrl, rootKey }: Config["whatsapp"], tuning: SocketTuning = {}): OpenSocket {
  if (rootKey) WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(rootKey);
  return (options) => openSocket(wsUrl, tuning, options);
}

function openSocket(
  wsUrl: string,
  tuning: SocketTuning,
  { auth, caches, version, listener, logger, tunnel }: SocketOptions,
): WhatsAppSocket {
  let isDead = false;
  let isFirstQr = true;
  let isOpened = false;
  let hasLinked = false;
  /** Resolves when the new credentials are stored. Later events wait for it. */
  let linking: Promise<void> = Promise.resolve();
  const config = socketConfig(wsUrl, tuning, { auth, caches, version, logger, tunnel });
  const knownGroups = openKnownGroups();
  const make = () =>
    makeWASocket({
      ...config,
      cachedGroupMetadata: async (jid) => knownGroups.get(jid) as GroupMetadata | undefined,
      async getMessage({ id, remoteJid, participant }) {
        // Sent again, a story would come as a message of the chat.
        if (!id || !remoteJid || remoteJid === storyJid) return undefined;
        // Who has left a group gets nothing of it again.
        if (isJidGroup(remoteJid) && !(await isMember(remoteJid, participant))) return undefined;
        const bytes = await listener.getMessage(id, await namesOf(sock, listener, remoteJid));
        return bytes ? decode(bytes) : undefined;
      },
    });
  const sock = isolateHandlers(make, (error) => {
    logger.warn({ failure: failureOf(error) }, "something that WhatsApp sent could not be handled");
  });

  const closing = closingOf(sock);
  const stopWatching = watchPasskeys(sock, passkey, tuning.linkingStallMs);
  const connecting = setTimeout(() => void giveUp("timed_out"), connectTimeoutMs);
  // An HTTP answer comes from a proxy in front of WhatsApp. A 401 from there is no logout. Baileys would wait without end.
  sock.ws.on("unexpected-response", () => void giveUp("server_unavailable"));
  refuseUnexpectedStanzas(sock, isLinked(auth.creds), () => void giveUp("unexpected_answer"));

  function die(): boolean {
    stopWatching();
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
    // Baileys' timer goes on when the account is linked, until the server closes the connection.
    if (qr !== undefined && !hasLinked) {
      listener.onQr(qr, tuning.qrTimeoutMs ?? (isFirstQr ? firstQrMs : nextQrMs));
      isFirstQr = false;
    }
    if (isNewLogin) {
      hasLinked = true;
      stopWatching();
      // The credentials must be stored before the login that follows the close.
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
  handleReceipts(sock, auth, listener, closing.terminate);
  const groups: GroupSends = createGroupSends(sock, auth, { ...caches, groups: knownGroups, listener });
  subscribeNewPhones(sock, listener.onUnsaved);
  subscribeIdentities(sock, listener);
  subscribeLimits(sock, listener);
  subscribeDeviceChanges(sock, caches);
  const isAdmin = (group: string, names: string[]) => groups.hasAdmin(group, names).catch(() => false);
  receiveMessages(sock, auth, { ...listener, isAdmin }, closing.terminate);
  completeAppStateAnswers(sock);
  subscribeOwnChanges(sock, listener);

  /** Closes a connection that failed. */
  async function giveUp(kind: CloseKind): Promise<void> {
    if (isDead) return;
    await endWith(() => ended(sock));
    listener.onClosed(kind);
  }

  async function endWith(ending: () => Promise<unknown>): Promise<void> {
    if (!die()) return;
    await closing.endWith(ending);
  }

  async function isMember(group: string, participant: string | null | undefined): Promise<boolean> {
    return groups.hasMember(group, await namesOf(sock, listener, participant ?? undefined)).catch(() => false);
  }

  return {
    lookUp: (digits) => lookUp(sock, digits),
    media: mediaLink(sock, tunnel?.agent),
    ...createSends(sock, auth, { caches, groups }),
    ...jidsOf(sock, auth, listener),
    group: (jid) => groups.read(jid),
    renewGroup: (jid, isStale) => groups.renew(jid, isStale),
    call: (ask, input) => answered(ask(sock, input)),
    readLimits: () => readLimits(sock),
    requestPairingCode: (digits) => sock.requestPairingCode(digits),
    async probe(timeoutMs) {
      const content = [{ tag: "count", attrs: {} }];
      const question = { tag: "iq", attrs: { to: S_WHATSAPP_NET, type: "get", xmlns: "encrypt" }, content };
      const answer = sock.query(question, tuning.probeMs ?? timeoutMs).then((node) => node !== undefined, isAnswer);
      return await answer;
    },
    logOut: () => endWith(() => sock.logout().then(() => ended(sock))),
    close: () => endWith(() => ended(sock)),
  };
}

function phoneOf({ creds }: AuthState): string {
  return `+${jidDecode(creds.me?.id)?.user ?? ""}`;
}
