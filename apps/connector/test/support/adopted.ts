import { createKeyRing, webRandom } from "@sandi/crypto";
import { pino } from "pino";
import type { SocketOptions, WhatsAppSocket } from "../../src/baileys/socket.ts";
import { createMeter } from "../../src/metrics.ts";
import { sessionMetrics } from "../../src/session/metrics.ts";
import { adoptSession, type LiveOptions, type LiveSession } from "../../src/session/live.ts";
import { type NodeAtRest, nodeAtRest } from "@sandi/crypto/node";
import { sealProxy } from "../../src/store/sealed-proxy.ts";
import { acquireLeases } from "../../src/store/leases.ts";
import { type SessionRow, storeDesiredState } from "../../src/store/sessions.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { createGate } from "../../src/session/gate.ts";
import { memoryCredentials } from "./memory-credentials.ts";
import { newId, workspaceId } from "./rig.ts";

/** One session on a database of its own, whose sockets lead nowhere. */
export interface Adopted {
  row: SessionRow;
  live: LiveSession;
  options: LiveOptions;
  store: Store;
  atRest: NodeAtRest;
  sockets: SocketOptions[];
  /** The proxies that sockets were opened through; null: none. */
  through: (string | null)[];
  sealedProxy: (url: string) => string;
  close(): Promise<void>;
}

const keys = createKeyRing(`k1:${Buffer.alloc(32, 1).toString("base64url")}`);

/** @param change changes the row or the options before the session is adopted */
export async function adopt(
  change: (row: SessionRow, options: LiveOptions) => void | Promise<void> = () => undefined,
): Promise<Adopted> {
  const store = await openStore({ url: "file::memory:", authToken: undefined }, new Date());
  const sessionId = newId("ses");
  const now = new Date();
  await storeDesiredState(store, { sessionId, workspaceId, desired: "running", revision: 1, sealedProxy: null }, now);
  const lease = { owner: "a", run: "a.1", now, leaseMs: 60_000, includeOwn: false, limit: 1 };
  const [row] = await acquireLeases(store, lease);
  const atRest = nodeAtRest(keys, sessionId, webRandom);
  const sockets: SocketOptions[] = [];
  const through: (string | null)[] = [];
  const opened = new Map<unknown, string>();
  const socket = { close: async () => undefined, logOut: async () => undefined, readLimits: never };
  const options = {
    connectAfterMs: 0,
    services: {
      now: () => new Date(),
      random: webRandom,
      chance: () => 0,
      newId: (prefix: "ses") => newId(prefix),
      after(ms: number, run: () => void) {
        const timer = setTimeout(run, ms);
        return () => clearTimeout(timer);
      },
    },
    store,
    atRest: () => atRest,
    openCredentials: () => memoryCredentials().credentials,
    openSocket(given: SocketOptions) {
      sockets.push(given);
      through.push(given.tunnel ? opened.get(given.tunnel)! : null);
      return socket as unknown as WhatsAppSocket;
    },
    tunnels: {
      open(url: string) {
        const tunnel = { close: () => undefined, isConnected: () => true };
        opened.set(tunnel, url);
        return tunnel;
      },
      probe: async () => undefined,
    },
    chats: { forget: () => undefined },
    conversations: { forget: () => undefined },
    gates: { direct: createGate(10), proxied: createGate(10) },
    metrics: sessionMetrics(createMeter({ withProcess: false })),
    logger: pino({ level: "silent" }),
    version: { current: () => null, accepted: async () => undefined, refused: async () => false },
    onAppended: () => undefined,
    onOnline: () => undefined,
    onGone: () => undefined,
  } as unknown as LiveOptions;
  await change(row!, options);
  const live = adoptSession(row!, options);
  return {
    row: row!,
    live,
    options,
    store,
    atRest,
    sockets,
    through,
    sealedProxy: (url) => sealProxy(atRest, sessionId, url),
    async close() {
      await live.stop();
      await store.close();
    },
  };
}

const never = () => new Promise<never>(() => undefined);
