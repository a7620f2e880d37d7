import {
  type AuthenticationCreds,
  DEFAULT_CONNECTION_CONFIG,
  type SignalDataSet,
  type SignalDataTypeMap,
  type SocketConfig,
} from "@whiskeysockets/baileys";
import type { AuthState } from "./auth-state.ts";
import { renewedKeys } from "./sender-keys.ts";

/**
 * Kinds that stay true even when the message that they were learned for is not sent. A sender key and its holders are stored
 * before a message is sent with it: group-sends.ts replaces the key when the send fails.
 */
const facts: ReadonlySet<string> = new Set([
  "session",
  "identity-key",
  "lid-mapping",
  "device-list",
  "tctoken",
  "sender-key",
  "sender-key-memory",
]);

/** Baileys' list of all contacts with a token. It is not stored, because here tokens are deleted by age. */
const tokenIndex = "__index";

/**
 * Reads and writes facts outside of Baileys' transactions. A transaction would undo a session record that changed meanwhile,
 * use a key twice after a kill, and lose facts when its message fails or when Baileys writes them after its end.
 */
export function writeThrough(auth: AuthState): SocketConfig["makeSignalRepository"] {
  return ({ creds, keys }, logger, pnToLid) => {
    const inTransaction = { ...keys };
    // The object itself is changed, because Baileys' socket uses the same one.
    Object.assign(keys, {
      get: <Kind extends keyof SignalDataTypeMap>(kind: Kind, ids: string[]) =>
        facts.has(kind) ? auth.keys.get(kind, ids) : inTransaction.get(kind, ids),
      async set(data: SignalDataSet) {
        const { now, later } = split(withRenewed(data, auth.creds.me));
        if (Object.keys(now).length > 0) await auth.keys.set(now);
        if (Object.keys(later).length > 0) await inTransaction.set(later);
      },
    });
    return DEFAULT_CONNECTION_CONFIG.makeSignalRepository({ creds, keys }, logger, pnToLid);
  };
}

/**
 * Baileys forgets who holds the key of a group when a member asks for a message again. Then the key must go too: one of them
 * may have left meanwhile.
 */
function withRenewed(data: SignalDataSet, own: AuthenticationCreds["me"]): SignalDataSet {
  const forgotten = Object.entries(data["sender-key-memory"] ?? {}).flatMap(([group, holders]) =>
    holders === null ? [group] : [],
  );
  if (forgotten.length === 0 || !own) return data;
  const dropped = forgotten.map((group) => renewedKeys(group, own, null)["sender-key"]);
  return { ...data, "sender-key": Object.assign({ ...data["sender-key"] }, ...dropped) as Record<string, null> };
}

function split(data: SignalDataSet): { now: SignalDataSet; later: SignalDataSet } {
  const [now, later]: [SignalDataSet, SignalDataSet] = [{}, {}];
  for (const [kind, values] of Object.entries(data)) {
    if (kind === "tctoken") {
      const { [tokenIndex]: _index, ...tokens } = values as NonNullable<SignalDataSet["tctoken"]>;
      now.tctoken = tokens;
    } else Object.assign(facts.has(kind) ? now : later, { [kind]: values });
  }
  return { now, later };
}
