import {
  DEFAULT_CONNECTION_CONFIG,
  type SignalDataSet,
  type SignalDataTypeMap,
  type SocketConfig,
} from "@whiskeysockets/baileys";
import type { AuthState } from "./auth-state.ts";

/**
 * Keeps session records out of Baileys' transactions. Those read a record once and commit it when the message has left,
 * long after a message that came in meanwhile has moved it on: the commit would put the old one back. And a process
 * killed in between would encrypt the next message with a key that is used up. Here a record is read as it is and
 * stored when it changes; libsignal does one thing at a time with each.
 */
export function writeThrough(auth: AuthState): SocketConfig["makeSignalRepository"] {
  return ({ creds, keys }, logger, pnToLid) =>
    DEFAULT_CONNECTION_CONFIG.makeSignalRepository(
      {
        creds,
        keys: {
          ...keys,
          get: <Kind extends keyof SignalDataTypeMap>(kind: Kind, ids: string[]) =>
            (kind === "session" ? auth.keys : keys).get(kind, ids),
          async set({ session, ...others }: SignalDataSet) {
            if (session) await auth.keys.set({ session });
            if (Object.keys(others).length > 0) await keys.set(others);
          },
        },
      },
      logger,
      pnToLid,
    );
}
