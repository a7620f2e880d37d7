import { z } from "zod";
import type { ClientVersion, Services } from "./services.ts";

/** The client version that sockets send to WhatsApp; null means Baileys' own. */
export interface Versions {
  /** Reads the last version that a login succeeded with, here or at another connector. */
  load(): Promise<void>;
  /** Loads, and fetches the newest version when the known one is older than a day. Called every minute. */
  refresh(): Promise<void>;
  current(): ClientVersion | null;
  /** A login with this version succeeded: every connector uses it from now on. */
  accepted(version: ClientVersion | null): Promise<void>;
  /** WhatsApp refused this version; true when there is another to try. Concurrent calls share the answer. */
  refused(version: ClientVersion | null): Promise<boolean>;
}

interface Options {
  services: Pick<Services, "now" | "fetchVersion">;
  /** The operator's version: then nothing is fetched or stored. */
  override: ClientVersion | null;
  find: () => Promise<string | null>;
  store: (value: string) => Promise<void>;
}

const dayMs = 86_400_000;
const fetchAgainMs = 3_600_000;

const Stored = z.object({ version: z.string(), goodAt: z.number() });
type Stored = z.infer<typeof Stored>;

/** Parses `2.3000.1029…`; null for any other text. */
export function parseVersion(text: string): ClientVersion | null {
  if (!/^\d{1,4}\.\d{1,6}\.\d{1,12}$/.test(text)) return null;
  return text.split(".").map(Number) as ClientVersion;
}

const textOf = (version: ClientVersion | null) => version?.join(".") ?? "";

export function createVersions({ services, override, find, store }: Options): Versions {
  let good: { version: ClientVersion; at: number } | undefined;
  /** Newer than the good version, and not tried yet. */
  let candidate: ClientVersion | null = null;
  let fetchedAt = -Infinity;
  let fetching: Promise<ClientVersion | null> | undefined;
  const refusals = new Set<string>();

  const current = () => override ?? candidate ?? good?.version ?? null;

  async function load(): Promise<void> {
    if (override) return;
    const { version, goodAt } = read(await find());
    const parsed = parseVersion(version);
    if (parsed) good = { version: parsed, at: goodAt };
  }

  async function refresh(): Promise<void> {
    if (override) return;
    await load();
    const at = services.now().getTime();
    if ((good && at - good.at < dayMs) || at - fetchedAt < fetchAgainMs) return;
    const latest = await fetchNewest();
    if (latest && textOf(latest) === textOf(good?.version ?? null)) await put(latest);
  }

  /** Fetches the newest version. It becomes the candidate, unless it is the good one or was refused. */
  async function fetchNewest(): Promise<ClientVersion | null> {
    fetchedAt = services.now().getTime();
    fetching ??= services.fetchVersion().finally(() => (fetching = undefined));
    const latest = await fetching;
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
    refresh,
    current,
    async accepted(version) {
      if (override || !version) return;
      // Earlier refusals no longer count.
      refusals.delete(textOf(version));
      // This login started with an older version than the current one.
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
      await fetchNewest();
      return !refusals.has(textOf(current()));
    },
  };
}

function read(stored: string | null): Stored {
  // Rows written before the time was stored hold the version alone.
  if (stored === null || !stored.startsWith("{")) return { version: stored ?? "", goodAt: 0 };
  return Stored.parse(JSON.parse(stored));
}
