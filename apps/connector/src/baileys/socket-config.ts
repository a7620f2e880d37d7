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
  /** What every connection to WhatsApp goes through; null: none. */
  tunnel: Pick<Tunnel, "agent" | "dispatcher"> | null;
}

export interface SocketTuning {
  keepAliveIntervalMs?: number;
  qrTimeoutMs?: number;
  linkingStallMs?: number;
  probeMs?: number;
}

/** What Baileys makes a socket with. */
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
    // The pairing code wants a browser that WhatsApp knows.
    browser: Browsers.ubuntu("Chrome"),
    logger: quietLogger(logger),
    // Otherwise the phone stops notifying its owner.
    markOnlineOnConnect: false,
    syncFullHistory: false,
    emitOwnEvents: false,
    enableRecentMessageCache: false,
    // With a time-out here Baileys makes a timer and two errors for every frame it sends; the socket has its own.
    connectTimeoutMs: 0,
    defaultQueryTimeoutMs: 20_000,
    keepAliveIntervalMs: tuning.keepAliveIntervalMs ?? 25_000,
    ...(tuning.qrTimeoutMs === undefined ? {} : { qrTimeout: tuning.qrTimeoutMs }),
    transactionOpts: { maxCommitRetries: 3, delayBetweenTriesMs: 200 },
    userDevicesCache: caches.userDevices,
    msgRetryCounterCache: caches.retries,
    callOfferCache: caches.callOffers,
    placeholderResendCache: caches.placeholders,
    makeSignalRepository: writeThrough(auth),
  };
}

/** The WebSocket, uploads, downloads. */
function through({ agent, dispatcher }: NonNullable<SocketParts["tunnel"]>) {
  const https = agent as HttpsAgent;
  return { agent: https, fetchAgent: https, options: { dispatcher } };
}
