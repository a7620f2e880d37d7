import type { Services } from "../services.ts";
import type { Tunnel, Tunnels } from "./tunnel.ts";

/** A session's proxy, if it has one: opened for each connection, and tried every minute or so. */
export interface ProxyWatch {
  /** Null when the session has no proxy. */
  open(): Tunnel | null;
  isUsed(): boolean;
  /** The proxy of a newer wish. */
  use(url: string | null): void;
  /** Whether it leads to WhatsApp at the moment; those who ask at the same time share the answer. */
  check(): Promise<boolean>;
  /** A connection through it was opened, or could not be. */
  noted(isHealthy: boolean): void;
  stop(): void;
}

interface Options {
  services: Pick<Services, "after" | "chance">;
  tunnels: Tunnels;
  url: string | null;
  /** The session uses its proxy, or is going to. */
  isWanted: () => boolean;
  /** What is known of it for the first time, or has changed. */
  onChange: (isHealthy: boolean) => Promise<void>;
}

const everyMs = 60_000;
const timeoutMs = 10_000;

export function createProxyWatch({ services, tunnels, isWanted, onChange, ...initial }: Options): ProxyWatch {
  let url = initial.url;
  let known: boolean | undefined;
  /** How many connections were opened through the proxy. One that opens during a failing probe outweighs the probe. */
  let opened = 0;
  let checking: Promise<boolean> | undefined;
  let life: AbortController | undefined;
  let cancel: (() => void) | undefined;

  function schedule(): void {
    cancel?.();
    cancel = undefined;
    if (url === null) return;
    cancel = services.after(everyMs * (0.75 + services.chance() / 2), () => {
      schedule();
      if (isWanted()) void check();
    });
  }

  function noted(isHealthy: boolean): void {
    if (isHealthy) opened++;
    if (url === null || known === isHealthy) return;
    known = isHealthy;
    // What could not be told is told with the next check.
    onChange(isHealthy).catch(() => (known = undefined));
  }

  function check(): Promise<boolean> {
    const tried = url;
    if (tried === null) return Promise.resolve(true);
    const openedBefore = opened;
    checking ??= probe(tried).then((isAnswered) => {
      checking = undefined;
      // Another has taken its place meanwhile.
      if (tried !== url) return check();
      const isHealthy = isAnswered || opened !== openedBefore;
      noted(isHealthy);
      return isHealthy;
    });
    return checking;
  }

  async function probe(tried: string): Promise<boolean> {
    const own = (life = new AbortController());
    const cancelTimeout = services.after(timeoutMs, () => own.abort());
    try {
      await tunnels.probe(tried, own.signal);
      return true;
    } catch {
      return false;
    } finally {
      cancelTimeout();
    }
  }

  function use(next: string | null): void {
    if (next === url) return;
    url = next;
    known = undefined;
    life?.abort();
    schedule();
  }

  schedule();
  return {
    open: () => (url === null ? null : tunnels.open(url)),
    isUsed: () => url !== null,
    use,
    check,
    noted,
    stop: () => use(null),
  };
}
