import {
  type AuthenticationCreds,
  BufferJSON,
  initAuthCreds,
  proto,
  type SignalDataSet,
  type SignalDataTypeMap,
  type SignalKeyStore,
} from "@whiskeysockets/baileys";
import { createSharedBound } from "../bounded-map.ts";
import type { CredentialChange, Credentials } from "../store/credentials.ts";
import { trimSessions } from "./session-record.ts";

/** What Baileys needs to know of a session, over all of its sockets. */
export interface AuthState {
  creds: AuthenticationCreds;
  keys: SignalKeyStore;
  /** Resolves when `creds` are stored as they are now; before the account is linked there is nothing worth keeping. */
  saveCreds(): Promise<void>;
}

/** In front of the store, which nobody else writes to; `null` remembers that there is no such key. */
const openCache = createSharedBound<{ value: unknown }>(30_000);
/** Used once each: the 812 of a first login would take 0.5 MB for as long as the session is here. */
const isCached = (kind: string) => kind !== "pre-key";

const cacheKey = (kind: string, id: string) => `${kind} ${id}`;
const credsKind = "creds";

/** True when WhatsApp has accepted this device. */
export function isLinked(creds: AuthenticationCreds): boolean {
  return creds.account !== undefined && creds.me !== undefined;
}

export async function openAuthState(credentials: Credentials): Promise<AuthState> {
  const stored = (await credentials.read(credsKind, [credsKind])).get(credsKind);
  const creds: AuthenticationCreds = stored === undefined ? initAuthCreds() : (parse(stored) as AuthenticationCreds);
  /** What the store has, or is being given, so that nothing is written twice. */
  let saved = { text: stored, written: Promise.resolve() };

  const cache = openCache();
  /** What the store is being given. */
  const underway = new Map<string, { value: unknown }>();
  let writes = 0;

  const known = (key: string) => underway.get(key) ?? cache.get(key);

  async function get<Kind extends keyof SignalDataTypeMap>(kind: Kind, ids: string[]) {
    const found: { [id: string]: SignalDataTypeMap[Kind] } = {};
    const missing: string[] = [];
    for (const id of ids) {
      const entry = known(cacheKey(kind, id));
      if (!entry) missing.push(id);
      else if (entry.value !== null) found[id] = entry.value as SignalDataTypeMap[Kind];
    }
    if (missing.length === 0) return found;
    const writesBefore = writes;
    const read = await credentials.read(kind, missing);
    for (const id of missing) {
      const key = cacheKey(kind, id);
      // A write that came in meanwhile is newer than what was read.
      let entry = known(key);
      if (!entry) {
        const text = read.get(id);
        entry = { value: text === undefined ? null : revive(kind, text) };
        if (isCached(kind) && writes === writesBefore) cache.set(key, entry);
      }
      if (entry.value !== null) found[id] = entry.value as SignalDataTypeMap[Kind];
    }
    return found;
  }

  async function set(data: SignalDataSet): Promise<void> {
    const changes: CredentialChange[] = [];
    const begun: [key: string, entry: { value: unknown }][] = [];
    for (const [kind, values] of Object.entries(data)) {
      for (const [id, value] of Object.entries(values ?? {})) {
        const key = cacheKey(kind, id);
        // Sessions are written when they change and once more when Baileys commits: the same object needs no second write.
        if (value !== null && known(key)?.value === value) continue;
        if (value && kind === "session") trimSessions(value as object);
        const entry = { value: value ?? null };
        underway.set(key, entry);
        if (isCached(kind)) cache.set(key, entry);
        begun.push([key, entry]);
        changes.push({ kind, id, value: value ? JSON.stringify(value, BufferJSON.replacer) : null });
      }
    }
    if (changes.length > 0) writes++;
    try {
      await credentials.write(changes);
    } catch (error) {
      for (const [key, entry] of begun) if (cache.get(key) === entry) cache.delete(key);
      throw error;
    } finally {
      for (const [key, entry] of begun) if (underway.get(key) === entry) underway.delete(key);
    }
  }

  return {
    creds,
    keys: { get, set },
    async saveCreds() {
      if (!isLinked(creds)) return;
      const text = JSON.stringify(creds, BufferJSON.replacer);
      if (text !== saved.text) {
        const written = credentials.write([{ kind: credsKind, id: credsKind, value: text }]);
        saved = { text, written };
      }
      const { written } = saved;
      await written.catch((error: unknown) => {
        if (saved.written === written) saved = { text: undefined, written: Promise.resolve() };
        throw error;
      });
    },
  };
}

function revive(kind: string, text: string): unknown {
  const value = parse(text) as object;
  return kind === "app-state-sync-key" ? proto.Message.AppStateSyncKeyData.fromObject(value) : value;
}

function parse(text: string): unknown {
  return JSON.parse(text, BufferJSON.reviver);
}
