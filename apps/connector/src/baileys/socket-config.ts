import type { Agent as HttpsAgent } from "node:https";
import { Browsers, type UserFacingSocketConfig } from "@whiskeysockets/baileys";
import type { Logger } from "pino";
import type { Tunnel } from "../proxy/tunnel.ts";
import type { ClientVersion } from "../services.ts";
import type { AuthState } from "./auth-state.ts";
import type { SocketCaches } from "./caches.ts";
import { quietLogger } from "./logger.ts";
import { writeThrough } from "./write-through.ts";

export interface SocketParts {
  auth: AuthState;
  caches: SocketCaches;
  version: ClientVersion | null;
  logger: Logger;
  /** The session's proxy, for every connection to WhatsApp; null without a proxy. */
  tunnel: Pick<Tunnel, "agent" | "dispatcher"> | null;
}

export interface SocketTuning {
  keepAliveIntervalMs?: number;
  qrTimeoutMs?: number;
  linkingStallMs?: number;
  probeMs?: number;
}

/** Baileys' options for a socket. */
export function socketConfig(
  wsUrl: string,
  tuning: SocketTuning,
  { auth, caches, version, logger, tunnel }: SocketParts,
): UserFacingSocketConfig {
  return {
    waWebSocketUrl: wsUrl,
    auth: { creds: auth.creds, keys: auth.keys },
    ...(version ? { version } : {}),
    ...(tunnel ? through(tunnel) : {}),
    // A pairing code needs a browser that WhatsApp knows.
    browser: Browsers.ubuntu("Chrome"),
    logger: quietLogger(logger),
    // Otherwise the phone stops showing notifications.
    markOnlineOnConnect: false,
    syncFullHistory: false,
    emitOwnEvents: false,
    enableRecentMessageCache: false,
    // With a time-out here Baileys makes a timer and two errors for every frame. socket.ts has its own time-out.
    connectTimeoutMs: 0,
    defaultQueryTimeoutMs: 20_000,
    keepAliveIntervalMs: tuning.keepAliveIntervalMs ?? 25_000,
    ...(tuning.qrTimeoutMs === undefined ? {} : { qrTimeout: tuning.qrTimeoutMs }),
    transactionOpts: { maxCommitRetries: 3, delayBetweenTriesMs: 200 },
    userDevicesCache: caches.userDevices,
    msgRetryCounterCache: caches.retries,
    callOfferCache: caches.callOffers,
    placeholderResendCache: caches.placeholders,
    appStateMacVerification: { patch: true, snapshot: true },
    makeSignalRepository: writeThrough(auth),
  };
}

/** Options for the WebSocket, uploads and downloads. */
function through({ agent, dispatcher }: NonNullable<SocketParts["tunnel"]>) {
  const https = agent as HttpsAgent;
  return { agent: https, fetchAgent: https, options: { dispatcher } };
}
