import { z } from "zod";
import type { ClientVersion, Services } from "./services.ts";

/** The client version that sockets name; null stands for Baileys' own. */
export interface Versions {
  /** Reads the version that was good last, here or at another connector. */
  load(): Promise<void>;
  /** The same, and asks WhatsApp for the newest when that is older than a day; to be called every minute or so. */
  keep(): Promise<void>;
  current(): ClientVersion | null;
  /** A login with it has succeeded: from now on it is the good one, for every connector. */
  worked(version: ClientVersion | null): Promise<void>;
  /** It was refused; true when there is another to try. Those who ask at the same time share the answer. */
  refused(version: ClientVersion | null): Promise<boolean>;
}

interface Options {
  services: Pick<Services, "now" | "fetchVersion">;
  /** What the operator has set; nothing is asked or stored then. */
  override: ClientVersion | null;
  find: () => Promise<string | null>;
  store: (value: string) => Promise<void>;
}

const dayMs = 86_400_000;
const askAgainMs = 3_600_000;

const Stored = z.object({ version: z.string(), goodAt: z.number() });
type Stored = z.infer<typeof Stored>;

/** `2.3000.1029…` in three numbers; null for another text. */
export function parseVersion(text: string): ClientVersion | null {
  if (!/^\d{1,4}\.\d{1,6}\.\d{1,12}$/.test(text)) return null;
  return text.split(".").map(Number) as ClientVersion;
}

const textOf = (version: ClientVersion | null) => version?.join(".") ?? "";

export function createVersions({ services, override, find, store }: Options): Versions {
  let good: { version: ClientVersion; at: number } | undefined;
  /** Newer than the good one, and not tried yet. */
  let candidate: ClientVersion | null = null;
  let askedAt = -Infinity;
  let asking: Promise<ClientVersion | null> | undefined;
  const refusals = new Set<string>();

  const current = () => override ?? candidate ?? good?.version ?? null;

  async function load(): Promise<void> {
    if (override) return;
    const { version, goodAt } = read(await find());
    const parsed = parseVersion(version);
    if (parsed) good = { version: parsed, at: goodAt };
  }

  async function keep(): Promise<void> {
    if (override) return;
    await load();
    const at = services.now().getTime();
    if ((good && at - good.at < dayMs) || at - askedAt < askAgainMs) return;
    const latest = await ask();
    if (latest && textOf(latest) === textOf(good?.version ?? null)) await put(latest);
  }

  /** Makes the newest the candidate, unless it is known already, or was refused. */
  async function ask(): Promise<ClientVersion | null> {
    askedAt = services.now().getTime();
    asking ??= services.fetchVersion().finally(() => (asking = undefined));
    const latest = await asking;
    if (latest && textOf(latest) !== textOf(good?.version ?? null) && !refusals.has(textOf(latest))) candidate = latest;
    return latest;
  }

  async function put(version: ClientVersion): Promise<void> {
    const at = services.now().getTime();
    good = { version, at };
    await store(JSON.stringify({ version: textOf(version), goodAt: at } satisfies Stored));
  }

  return {
    load,
    keep,
    current,
    async worked(version) {
      if (override || !version) return;
      // A login with it succeeded: earlier refusals do not count any more.
      refusals.delete(textOf(version));
      // A login that began before there was a newer one says nothing new.
      if (textOf(version) !== textOf(current())) return;
      candidate = null;
      if (textOf(version) !== textOf(good?.version ?? null)) await put(version);
    },
    async refused(version) {
      if (override) return false;
      refusals.add(textOf(version));
      if (candidate && textOf(candidate) === textOf(version)) candidate = null;
      await load();
      if (!refusals.has(textOf(current()))) return true;
      await ask();
      return !refusals.has(textOf(current()));
    },
  };
}

function read(stored: string | null): Stored {
  // Of before: the version alone.
  if (stored === null || !stored.startsWith("{")) return { version: stored ?? "", goodAt: 0 };
  return Stored.parse(JSON.parse(stored));
}
