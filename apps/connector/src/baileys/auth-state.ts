import {
  type AuthenticationCreds,
  BufferJSON,
  initAuthCreds,
  jidNormalizedUser,
  proto,
  type SignalDataSet,
  type SignalDataTypeMap,
  type SignalKeyStore,
} from "@whiskeysockets/baileys";
import { createSharedBound } from "../bounded-map.ts";
import type { CredentialChange, Credentials } from "../store/credentials.ts";
import { trimSessions } from "./session-record.ts";

/** The credentials and keys that Baileys uses, for all sockets of a session. */
export interface AuthState {
  creds: AuthenticationCreds;
  keys: SignalKeyStore;
  /** Stores `creds` as they are now. Does nothing before the account is linked. */
  saveCreds(): Promise<void>;
}

/** A cache before the store, which nobody else writes to. A `null` value means that there is no such key. */
const openCache = createSharedBound<{ value: unknown }>(30_000);
/** Each pre-key is used once. The 812 of a first login would take 0.5 MB for the life of the session. */
const isCached = (kind: string) => kind !== "pre-key";

/** Baileys adds to the object that it got and sets it again: without a copy the addition would look like no change. */
const copied = (kind: string, value: unknown) => (kind === "sender-key-memory" ? { ...(value as object) } : value);

function isSame(kind: string, stored: unknown, value: unknown): boolean {
  if (kind !== "sender-key-memory" || !stored) return stored === value;
  const [before, after] = [stored as Record<string, unknown>, value as Record<string, unknown>];
  const names = Object.keys(after);
  return names.length === Object.keys(before).length && names.every((name) => before[name] === after[name]);
}

const cacheKey = (kind: string, id: string) => `${kind} ${id}`;
const credsKind = "creds";

/** The account's own jids: the LID's first, if it is known. */
export function ownJids({ creds }: Pick<AuthState, "creds">): string[] {
  const { id, lid } = creds.me ?? {};
  return [lid, id].flatMap((jid) => (jid ? [jidNormalizedUser(jid)] : []));
}

/** True when WhatsApp has accepted this device. */
export function isLinked(creds: AuthenticationCreds): boolean {
  return creds.account !== undefined && creds.me !== undefined;
}

export async function openAuthState(credentials: Credentials): Promise<AuthState> {
  const stored = (await credentials.read(credsKind, [credsKind])).get(credsKind);
  const creds: AuthenticationCreds = stored === undefined ? initAuthCreds() : (parse(stored) as AuthenticationCreds);
  /** The value that is stored or being stored, so that nothing is written twice. */
  let saved = { text: stored, written: Promise.resolve() };

  const cache = openCache();
  /** Values that are being stored. */
  const underway = new Map<string, { value: unknown }>();
  let writes = 0;

  const known = (key: string) => underway.get(key) ?? cache.get(key);

  async function get<Kind extends keyof SignalDataTypeMap>(kind: Kind, ids: string[]) {
    const found: { [id: string]: SignalDataTypeMap[Kind] } = {};
    const missing: string[] = [];
    for (const id of ids) {
      const entry = known(cacheKey(kind, id));
      if (!entry) missing.push(id);
      else if (entry.value !== null) found[id] = copied(kind, entry.value) as SignalDataTypeMap[Kind];
    }
    if (missing.length === 0) return found;
    const writesBefore = writes;
    const read = await credentials.read(kind, missing);
    for (const id of missing) {
      const key = cacheKey(kind, id);
      // A value that was written during the read is newer.
      let entry = known(key);
      if (!entry) {
        const text = read.get(id);
        entry = { value: text === undefined ? null : revive(kind, text) };
        if (isCached(kind) && writes === writesBefore) cache.set(key, entry);
      }
      if (entry.value !== null) found[id] = copied(kind, entry.value) as SignalDataTypeMap[Kind];
    }
    return found;
  }

  async function set(data: SignalDataSet): Promise<void> {
    const changes: CredentialChange[] = [];
    const begun: [key: string, entry: { value: unknown }][] = [];
    for (const [kind, values] of Object.entries(data)) {
      for (const [id, value] of Object.entries(values ?? {})) {
        const key = cacheKey(kind, id);
        // Baileys writes a session when it changes and again when it commits. The same object is not written twice.
        if (value && isSame(kind, known(key)?.value, value)) continue;
        if (value && kind === "session") trimSessions(value as object);
        const entry = { value: value ? copied(kind, value) : null };
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
