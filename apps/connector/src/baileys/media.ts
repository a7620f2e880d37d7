import {
  decryptMediaRetryData,
  encryptMediaRetryRequest,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  proto,
  S_WHATSAPP_NET,
  type WASocket,
} from "@whiskeysockets/baileys";
import type { Agent } from "node:http";
import type { WireMessage } from "../content/wire.ts";
import { answered } from "./answered.ts";

/** WhatsApp's hosts for files, and the token for uploads. */
export interface MediaHosts {
  /** Names, with a port where it is not 443. */
  hosts: string[];
  auth: string;
}

/** A received message whose file the hosts have no more. */
export interface LostMedia {
  waId: string;
  /** The jid of the chat. */
  chat: string;
  /** The account sent it from another device. */
  fromMe: boolean;
  /** In a group: its author. */
  participant?: string;
  mediaKey: Uint8Array;
}

/** What a connection does for files. */
export interface MediaLink {
  /** @param isFresh not the ones that were asked for before */
  hosts(isFresh: boolean): Promise<MediaHosts>;
  /** Asks the phone to upload a file again. Answers with its new path; null when the phone does not do it in time. */
  askAgain(lost: LostMedia, timeoutMs: number): Promise<string | null>;
  /** For requests through the session's proxy. */
  agent: Agent | undefined;
}

/** Baileys keeps a failed answer and fails for ever after it, so the question is asked here. */
export function mediaLink(sock: WASocket, agent: Agent | undefined): MediaLink {
  let latest: (MediaHosts & { until: number }) | undefined;
  return {
    async hosts(isFresh) {
      if (latest && !isFresh && performance.now() < latest.until) return latest;
      const content = [{ tag: "media_conn", attrs: {} }];
      const attrs = { to: S_WHATSAPP_NET, type: "set", xmlns: "w:m" };
      const node = getBinaryNodeChild(await answered(sock.query({ tag: "iq", attrs, content })), "media_conn");
      const hosts = getBinaryNodeChildren(node, "host").flatMap(({ attrs: { hostname } }) => hostname ?? []);
      const { auth = "", ttl } = node?.attrs ?? {};
      return (latest = { hosts, auth, until: performance.now() + Number(ttl ?? 0) * 1000 });
    },
    askAgain: (lost, timeoutMs) => askAgain(sock, lost, timeoutMs),
    agent,
  };
}

const isFound = proto.MediaRetryNotification.ResultType.SUCCESS;

async function askAgain(sock: WASocket, { mediaKey, ...lost }: LostMedia, timeoutMs: number): Promise<string | null> {
  const { waId, chat, fromMe, participant } = lost;
  const me = sock.authState.creds.me?.id;
  if (me === undefined) return null;
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const listener = (updates: { key: { id?: string | null }; media?: { ciphertext: Uint8Array; iv: Uint8Array } }[]) => {
    const update = updates.find(({ key }) => key.id === waId);
    if (update) resolve(update.media ? pathIn(update.media, mediaKey, waId) : null);
  };
  const timer = setTimeout(() => resolve(null), timeoutMs);
  sock.ev.on("messages.media-update", listener);
  try {
    const key = { id: waId, remoteJid: chat, fromMe, ...(participant === undefined ? {} : { participant }) };
    await sock.sendNode(encryptMediaRetryRequest(key, Buffer.from(mediaKey), me));
    return await promise;
  } finally {
    clearTimeout(timer);
    sock.ev.off("messages.media-update", listener);
  }
}

function pathIn(sealed: { ciphertext: Uint8Array; iv: Uint8Array }, mediaKey: Uint8Array, waId: string) {
  try {
    const { result, directPath } = decryptMediaRetryData(sealed, mediaKey, waId);
    return (result === isFound && directPath) || null;
  } catch {
    return null;
  }
}

/**
 * Baileys names the type of a file in the stanza by the part that it finds at the top of the message. It sees a part that
 * is inherited, and does not encode it.
 */
export function withVisibleMedia(message: WireMessage): WireMessage {
  const { viewOnceMessageV2, viewOnceMessageV2Extension, documentWithCaptionMessage, ptvMessage } = message;
  const inner = (viewOnceMessageV2 ?? viewOnceMessageV2Extension ?? documentWithCaptionMessage)?.message;
  const seen = inner ?? (ptvMessage ? { videoMessage: ptvMessage } : null);
  return seen ? (Object.assign(Object.create(seen), message) as WireMessage) : message;
}
