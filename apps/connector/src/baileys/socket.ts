import {
  type BinaryNode,
  getBinaryNodeChild,
  type GroupMetadata,
  isJidGroup,
  isLidUser,
  jidDecode,
  jidNormalizedUser,
  makeWASocket,
  type MessageRelayOptions,
  S_WHATSAPP_NET,
  type WASocket,
  WA_CERT_DETAILS,
} from "@whiskeysockets/baileys";
import type { Config } from "../config.ts";
import { storyJid } from "../content/jids.ts";
import { revocation } from "../content/revocation.ts";
import type { StanzaNode } from "../content/stanza-nodes.ts";
import { revocationId } from "../content/whatsapp-ids.ts";
import { decode, type WireMessage } from "../content/wire.ts";
import type { CloseKind } from "../close-reasons.ts";
import { answered } from "./answered.ts";
import { type AuthState, isLinked, ownJids } from "./auth-state.ts";
import { limitInflate } from "./patches/limit-inflate.ts";
import { kindOfClose } from "./close.ts";
import { isolateHandlers, failureOf } from "./patches/isolate-handlers.ts";
import { patchDecryption } from "./patches/before-ratchet.ts";
import { requireDevices, subscribeDeviceChanges } from "./devices.ts";
import {
  createGroupSends,
  type GroupListener,
  type GroupSends,
  openKnownGroups,
  type SendingGroup,
} from "./group-sends.ts";
import { subscribeNewPhones } from "./sender-keys.ts";
import { lidsOf, relayStory } from "./stories.ts";
import { type LimitReport, type LimitsListener, readLimits, subscribeLimits } from "./account-limits.ts";
import { type LookUpAnswer, lookUp } from "./look-up.ts";
import { silenceConsole } from "./patches/silence-console.ts";
import { verifySignatures } from "./patches/verify-signatures.ts";
import { type MediaLink, mediaLink, withVisibleMedia } from "./media.ts";
import { type MessageListener, receiveMessages } from "./receive-messages.ts";
import { isAnswer, toNoAnswer } from "./no-answer.ts";
import { namesOf, subscribeIdentities } from "./identities.ts";
import { completeAppStateAnswers } from "./app-state-answers.ts";
import { type OwnChangeListener, subscribeOwnChanges } from "./own-changes.ts";
import { type ReceiptListener, handleReceipts } from "./receipts.ts";
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
export interface WhatsAppSocket {
  /** Asks WhatsApp which numbers have an account. */
  lookUp(digits: string[]): Promise<LookUpAnswer>;
  /** Resolves when the frame is written; the server's answer comes as an ack. Rejects with `NoAnswer` to be tried later. */
  send(jid: string, waId: string, message: WireMessage, nodes: StanzaNode[]): Promise<void>;
  /** Sends a change of an earlier message, in the same way. `edit`: what the stanza says of it. */
  sendChange(
    jid: string,
    waId: string,
    change: { message: WireMessage; nodes: StanzaNode[]; edit?: string },
  ): Promise<void>;
  /** The account's own jids: the LID's first, if it is known. */
  own(): string[];
  /** The same for a story, which these hidden ids can see. */
  sendStory(people: readonly string[], waId: string, message: WireMessage): Promise<void>;
  /** The hidden ids of these people; those who have none are left out. */
  lidsOf(jids: readonly string[]): Promise<string[]>;
  /** Uploads and downloads. */
  readonly media: MediaLink;
  /** Revokes a message for everyone. `send` resolves as above; the ack comes under the revocation's own id. */
  revocationOf(jid: string, waId: string): { waId: string; send(): Promise<void> };
  /** The hidden id (LID) of this person; null when it is unknown. */
  lidOf(jid: string): Promise<string | null>;
  /** The other jid of this person: the hidden id, or that of the phone number; null when it is unknown. */
  otherJidOf(jid: string): Promise<string | null>;
  /** The account's own jid, as chats with this address name it. */
  ownJid(chat: string): string;
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
const closeGraceMs = 1000;
const endTimeoutMs = 5000;
const linkingStallMs = 45_000;
const firstQrMs = 60_000;
const nextQrMs = 20_000;
/** The `edit` attribute of a revocation by the message's own sender. */
const senderRevoke = "7";
const passkeyNotifications = new Set(["passkey_prologue_request", "crsc_continuation"]);

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
  let stall: NodeJS.Timeout | undefined;
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

  // A half-open connection never answers the closing handshake, and Baileys reports a close only after it.
  const client = sock.ws as unknown as { socket: { terminate(): void } | null; close(): Promise<void> };
  const handshake = client.close.bind(client);
  client.close = () => {
    const { socket } = client;
    const terminateTimer = setTimeout(() => socket?.terminate(), closeGraceMs);
    return handshake().finally(() => clearTimeout(terminateTimer));
  };
  const connecting = setTimeout(() => void giveUp("timed_out"), connectTimeoutMs);
  // An HTTP answer comes from a proxy in front of WhatsApp. A 401 from there is no logout. Baileys would wait without end.
  sock.ws.on("unexpected-response", () => void giveUp("server_unavailable"));
  refuseUnexpectedStanzas(sock, isLinked(auth.creds), () => void giveUp("unexpected_answer"));

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
    // Baileys' timer goes on when the account is linked, until the server closes the connection.
    if (qr !== undefined && !hasLinked) {
      listener.onQr(qr, tuning.qrTimeoutMs ?? (isFirstQr ? firstQrMs : nextQrMs));
      isFirstQr = false;
    }
    if (isNewLogin) {
      hasLinked = true;
      clearTimeout(stall);
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
  sock.ws.on("CB:notification", (node: BinaryNode) => {
    const { type } = node.attrs;
    if (type !== undefined && passkeyNotifications.has(type)) return passkey();
    if (type !== "link_code_companion_reg") return;
    const reg = getBinaryNodeChild(node, "link_code_companion_reg");
    // The first notification has no key and comes before the code is typed, with or without a passkey.
    if (!getBinaryNodeChild(reg, "link_code_pairing_wrapped_primary_ephemeral_pub")) return;
    clearTimeout(stall);
    stall = setTimeout(passkey, tuning.linkingStallMs ?? linkingStallMs);
  });
  const drop = () => client.socket?.terminate();
  handleReceipts(sock, auth, listener, drop);
  const groups: GroupSends = createGroupSends(sock, auth, { ...caches, groups: knownGroups, listener });
  subscribeNewPhones(sock, listener.onUnsaved);
  subscribeIdentities(sock, listener);
  subscribeLimits(sock, listener);
  subscribeDeviceChanges(sock, caches);
  const isAdmin = (group: string, names: string[]) => groups.hasAdmin(group, names).catch(() => false);
  receiveMessages(sock, auth, { ...listener, isAdmin }, drop);
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
    // The socket is terminated after the time-out in any case.
    await Promise.race([ending().catch(() => undefined), wait(endTimeoutMs)]);
    client.socket?.terminate();
  }

  async function lidOf(jid: string): Promise<string | null> {
    const lid = await sock.signalRepository.lidMapping.getLIDForPN(jid);
    return lid ? jidNormalizedUser(lid) : null;
  }

  async function isMember(group: string, participant: string | null | undefined): Promise<boolean> {
    return groups.hasMember(group, await namesOf(sock, listener, participant ?? undefined)).catch(() => false);
  }

  async function relay(jid: string, message: WireMessage, options: MessageRelayOptions): Promise<void> {
    if (isJidGroup(jid)) return groups.relay(jid, withVisibleMedia(message), options);
    await requireDevices(sock, caches, auth, jid);
    await sock.relayMessage(jid, withVisibleMedia(message), options).catch(toNoAnswer);
  }

  return {
    lookUp: (digits) => lookUp(sock, digits),
    media: mediaLink(sock, tunnel?.agent),
    send: (jid, waId, message, nodes) => relay(jid, message, { messageId: waId, additionalNodes: nodes }),
    sendChange: (jid, waId, { message, nodes, edit }) => {
      const additionalAttributes = edit === undefined ? {} : { edit };
      return relay(jid, message, { messageId: waId, additionalNodes: nodes, additionalAttributes });
    },
    own: () => ownJids(auth),
    sendStory: (people, waId, message) =>
      relayStory(sock, auth, { message: withVisibleMedia(message), people, options: { messageId: waId } }),
    lidsOf: (jids) => lidsOf(sock, jids),
    revocationOf: (jid, revoked) => {
      const waId = revocationId(revoked);
      const options = { messageId: waId, additionalAttributes: { edit: senderRevoke } };
      return { waId, send: () => relay(jid, revocation(jid, revoked), options) };
    },
    lidOf,
    async otherJidOf(jid) {
      if (!isLidUser(jid)) return isJidGroup(jid) ? null : lidOf(jid);
      return (await namesOf(sock, listener, jid)).find((name) => !isLidUser(name)) ?? null;
    },
    ownJid: (chat) =>
      jidNormalizedUser((isLidUser(chat) || isJidGroup(chat) ? auth.creds.me?.lid : null) ?? auth.creds.me?.id),
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
