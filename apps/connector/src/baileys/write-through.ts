import {
  DEFAULT_CONNECTION_CONFIG,
  type SignalDataSet,
  type SignalDataTypeMap,
  type SocketConfig,
} from "@whiskeysockets/baileys";
import type { AuthState } from "./auth-state.ts";

/** Kinds that stay true even when the message that taught them does not leave. */
const facts: ReadonlySet<string> = new Set(["session", "identity-key", "lid-mapping", "device-list", "tctoken"]);

/** Baileys' list of all contacts with a token, which it writes again for each new one. Here tokens are deleted by age. */
const tokenIndex = "__index";

/**
 * Keeps facts out of Baileys' transactions: they are read from and written to the store at once. A transaction would undo
 * a session record that changed meanwhile, or use its key twice after a kill. It would lose what it learned when the
 * message fails, and what Baileys writes after its end (the token that it issued to a contact).
 */
export function writeThrough(auth: AuthState): SocketConfig["makeSignalRepository"] {
  return ({ creds, keys }, logger, pnToLid) => {
    const inTransaction = { ...keys };
    // The object itself is changed, because Baileys' socket uses the same one.
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
