import {
  type AuthenticationCreds,
  BufferJSON,
  initAuthCreds,
  makeCacheableSignalKeyStore,
  makeWASocket,
  type SignalDataSet,
  type SignalDataTypeMap,
  type SignalKeyStore,
  type UserFacingSocketConfig,
  WA_CERT_DETAILS,
  type WAMessage,
  type WASocket,
} from "@whiskeysockets/baileys";
import pino from "pino";
import type { Simulator } from "../../src/index.ts";

/** What a session keeps: survives as text, as in a database. */
export interface Auth {
  creds: AuthenticationCreds;
  keys: SignalKeyStore & { records: Map<string, string> };
}

export function newAuth(): Auth {
  const records = new Map<string, string>();
  return {
    creds: initAuthCreds(),
    keys: {
      records,
      get<T extends keyof SignalDataTypeMap>(type: T, ids: string[]) {
        const found: Record<string, SignalDataTypeMap[T]> = {};
        for (const id of ids) {
          const text = records.get(`${type} ${id}`);
          if (text !== undefined) found[id] = JSON.parse(text, BufferJSON.reviver);
        }
        return found;
      },
      set(data: SignalDataSet) {
        for (const [type, values] of Object.entries(data)) {
          for (const [id, value] of Object.entries(values ?? {})) {
            if (value === null || value === undefined) records.delete(`${type} ${id}`);
            else records.set(`${type} ${id}`, JSON.stringify(value, BufferJSON.replacer));
          }
        }
      },
    },
  };
}

/** Another holder of the same credentials. */
export function stolen(auth: Auth): Auth {
  return { creds: JSON.parse(JSON.stringify(auth.creds, BufferJSON.replacer), BufferJSON.reviver), keys: auth.keys };
}

export interface Client {
  auth: Auth;
  sock: WASocket;
  /** Everything that arrived, oldest first. */
  messages: { type: string; message: WAMessage }[];
  /** What Baileys logged at level warn or above. */
  complaints: string[];
  /** Rejects when the socket closes first. */
  opened: Promise<void>;
  qr: Promise<string>;
  closed: Promise<{ code: number | undefined; message: string }>;
  status(id: string, atLeast: number, timeoutMs?: number): Promise<number>;
  message(matches: (message: WAMessage) => boolean, timeoutMs?: number): Promise<{ type: string; message: WAMessage }>;
  ack(id: string, timeoutMs?: number): Promise<Record<string, string>>;
  end(): Promise<void>;
}

/** An unmodified Baileys against the simulator. */
export function connect(
  simulator: Simulator,
  auth: Auth = newAuth(),
  config: Partial<UserFacingSocketConfig> = {},
): Client {
  // The room has one root of trust per process in Baileys; the simulator of this test is the one that counts.
  WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(simulator.rootKey, "hex");
  const complaints: string[] = [];
  const logger = pino({ level: "warn" }, { write: (line: string) => void complaints.push(line) });
  const sock = makeWASocket({
    auth: { creds: auth.creds, keys: makeCacheableSignalKeyStore(auth.keys, logger) },
    waWebSocketUrl: simulator.url,
    logger,
    browser: ["Ubuntu", "Chrome", "22.04.4"],
    markOnlineOnConnect: false,
    syncFullHistory: false,
    retryRequestDelayMs: 10,
    ...config,
  });
  const messages: Client["messages"] = [];
  const statuses = new Map<string, number>();
  const acks = new Map<string, Record<string, string>>();
  const watchers = new Set<() => void>();
  const notify = () => {
    for (const watcher of watchers) watcher();
  };
  const eventually = <T>(what: string, find: () => T | undefined, timeoutMs = 5000): Promise<T> =>
    new Promise((resolve, reject) => {
      const look = () => {
        const found = find();
        if (found === undefined) return;
        watchers.delete(look);
        clearTimeout(timer);
        resolve(found);
      };
      const timer = setTimeout(() => {
        watchers.delete(look);
        reject(new Error(`no ${what} within ${timeoutMs} ms; ${complaints.join("").slice(0, 2000)}`));
      }, timeoutMs);
      watchers.add(look);
      look();
    });
  const opened = Promise.withResolvers<void>();
  const qr = Promise.withResolvers<string>();
  const closed = Promise.withResolvers<{ code: number | undefined; message: string }>();
  opened.promise.catch(() => {});
  qr.promise.catch(() => {});
  sock.ev.on("creds.update", (update) => Object.assign(auth.creds, update));
  sock.ev.on("connection.update", (update) => {
    if (update.qr) qr.resolve(update.qr);
    if (update.connection === "open") opened.resolve();
    if (update.connection === "close") {
      const error = update.lastDisconnect?.error as (Error & { output?: { statusCode: number } }) | undefined;
      const reason = { code: error?.output?.statusCode, message: error?.message ?? "" };
      closed.resolve(reason);
      opened.reject(new Error(`closed with ${reason.code}: ${reason.message}`));
      qr.reject(new Error(`closed with ${reason.code}: ${reason.message}`));
    }
  });
  const learn = (id: string | null | undefined, status: number | null | undefined) => {
    if (id && typeof status === "number") statuses.set(id, Math.max(statuses.get(id) ?? 0, status));
    notify();
  };
  sock.ev.on("messages.upsert", ({ messages: arrived, type }) => {
    for (const message of arrived) {
      messages.push({ type, message });
      // A receipt that comes early is merged into the event of the own message.
      if (message.key.fromMe) learn(message.key.id, message.status);
    }
    notify();
  });
  sock.ev.on("messages.update", (updates) => {
    for (const { key, update } of updates) learn(key.id, update.status);
  });
  sock.ws.on("CB:ack,class:message", ({ attrs }: { attrs: Record<string, string> }) => {
    acks.set(attrs["id"] ?? "", attrs);
    notify();
  });
  return {
    auth,
    sock,
    messages,
    complaints,
    opened: opened.promise,
    qr: qr.promise,
    closed: closed.promise,
    status: (id, atLeast, timeoutMs) =>
      eventually(
        `status ${atLeast} of ${id}`,
        () => ((statuses.get(id) ?? 0) >= atLeast ? statuses.get(id) : undefined),
        timeoutMs,
      ),
    message: (matches, timeoutMs) =>
      eventually("such message", () => messages.find(({ message }) => matches(message)), timeoutMs),
    ack: (id, timeoutMs) => eventually(`ack of ${id}`, () => acks.get(id), timeoutMs),
    end: async () => {
      await sock.end(undefined);
    },
  };
}

/** Pairs a new client with a phone by QR and logs it in. */
export async function pair(
  simulator: Simulator,
  number: string,
  config: Partial<UserFacingSocketConfig> = {},
): Promise<Client> {
  const pairing = connect(simulator, newAuth(), config);
  await simulator.scan(number, await pairing.qr);
  await pairing.closed;
  const client = connect(simulator, pairing.auth, config);
  await client.opened;
  return client;
}

export function textOf(message: WAMessage): string | undefined {
  return message.message?.conversation ?? message.message?.extendedTextMessage?.text ?? undefined;
}
