import { DEFAULT_CONNECTION_CONFIG, type SignalDataSet, type SocketConfig } from "@whiskeysockets/baileys";
import type { AuthState } from "./auth-state.ts";

/**
 * Baileys commits a session record after the message has left. A process killed in between would encrypt the next
 * message with a key that is used up, and the recipient could not read it: here every record is stored when it changes.
 */
export function writeThrough(auth: AuthState): SocketConfig["makeSignalRepository"] {
  return ({ creds, keys }, logger, pnToLid) =>
    DEFAULT_CONNECTION_CONFIG.makeSignalRepository(
      {
        creds,
        keys: {
          ...keys,
          async set(data: SignalDataSet) {
            await keys.set(data);
            if (data.session) await auth.keys.set({ session: data.session });
          },
        },
      },
      logger,
      pnToLid,
    );
}
