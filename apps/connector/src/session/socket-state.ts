import { type AuthState, isLinked, openAuthState } from "../baileys/auth-state.ts";
import { createSocketCaches, type SocketCaches } from "../baileys/caches.ts";
import type { Credentials } from "../store/credentials.ts";

/** Keys and caches that the sockets of one session share, one socket after another. */
export interface SocketState {
  readonly caches: SocketCaches;
  /** Reads the keys, unless they are in memory. Keys of an unfinished pairing would fail the next login: they are dropped. */
  load(): Promise<AuthState>;
  /** The next login reads the keys from the store again. */
  drop(): void;
  /** The next message to these users asks WhatsApp for their devices. */
  forgetDevices(users: (string | undefined)[]): void;
}

export function createSocketState(credentials: Credentials): SocketState {
  const caches = createSocketCaches();
  let auth: Promise<AuthState> | undefined;

  async function read(): Promise<AuthState> {
    const opening = (auth ??= openAuthState(credentials));
    try {
      return await opening;
    } catch (error) {
      if (auth === opening) auth = undefined;
      throw error;
    }
  }

  function drop(): void {
    auth = undefined;
    void caches.userDevices.flushAll();
  }

  return {
    caches,
    async load() {
      if (auth && !isLinked((await read()).creds)) drop();
      return read();
    },
    drop,
    forgetDevices(users) {
      for (const user of users) if (user !== undefined) void caches.userDevices.del(user);
    },
  };
}
