import {
  DEFAULT_CONNECTION_CONFIG,
  type SignalDataSet,
  type SignalDataTypeMap,
  type SocketConfig,
} from "@whiskeysockets/baileys";
import type { AuthState } from "./auth-state.ts";

/** What stays true whether or not the message that it is learned with leaves. */
const facts: ReadonlySet<string> = new Set(["session", "identity-key", "lid-mapping", "device-list", "tctoken"]);

/** Baileys' list of all contacts with a token. It is rewritten with each new one; here old tokens go by their age. */
const tokenIndex = "__index";

/**
 * Keeps facts out of Baileys' transactions: reads and writes go to the store at once. A transaction reads a value once and
 * commits it when the message has left, which has three faults. A session record that a message moved on meanwhile is put
 * back, and a process killed in between uses its key again. What is learned with a message that fails is lost. And what
 * Baileys notes after the transaction has ended (the token it issued to a contact) is written nowhere.
 */
export function writeThrough(auth: AuthState): SocketConfig["makeSignalRepository"] {
  return ({ creds, keys }, logger, pnToLid) => {
    const inTransaction = { ...keys };
    // In place, for Baileys' socket reads and writes through the same object.
    Object.assign(keys, {
      get: <Kind extends keyof SignalDataTypeMap>(kind: Kind, ids: string[]) =>
        facts.has(kind) ? auth.keys.get(kind, ids) : inTransaction.get(kind, ids),
      async set(data: SignalDataSet) {
        const { now, later } = split(data);
        if (Object.keys(now).length > 0) await auth.keys.set(now);
        if (Object.keys(later).length > 0) await inTransaction.set(later);
      },
    });
    return DEFAULT_CONNECTION_CONFIG.makeSignalRepository({ creds, keys }, logger, pnToLid);
  };
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
