import type { ClientVersion, Services } from "./services.ts";

/** The client version that sockets name; null stands for Baileys' own. */
export interface Versions {
  /** Reads the version that was good last. */
  load(): Promise<void>;
  current(): ClientVersion | null;
  /** Asks WhatsApp for the newest; true when it is another than before. Askers at the same time share the answer. */
  refresh(): Promise<boolean>;
}

interface Options {
  services: Pick<Services, "fetchVersion">;
  find: () => Promise<string | null>;
  store: (value: string) => Promise<void>;
}

export function createVersions({ services, find, store }: Options): Versions {
  let current: ClientVersion | null = null;
  let asking: Promise<ClientVersion | null> | undefined;
  return {
    async load() {
      const parts = (await find())?.split(".").map(Number) ?? [];
      if (parts.length === 3 && parts.every(Number.isSafeInteger)) current = parts as ClientVersion;
    },
    current: () => current,
    async refresh() {
      const before = current?.join(".");
      asking ??= services.fetchVersion().finally(() => (asking = undefined));
      const latest = await asking;
      if (!latest || latest.join(".") === before) return false;
      current = latest;
      await store(latest.join("."));
      return true;
    },
  };
}
