import type { Services } from "../services.ts";
import type { Tunnel, Tunnels } from "./tunnel.ts";

/** Opens a session's proxy for each connection, and checks it about every minute. A session may have no proxy. */
export interface ProxyWatch {
  /** Null when the session has no proxy. */
  open(): Tunnel | null;
  isUsed(): boolean;
  /** Replaces the proxy. */
  use(url: string | null): void;
  /** Whether it connects to WhatsApp now. Concurrent calls share the answer. */
  check(): Promise<boolean>;
  /** A connection through it was opened, or failed. */
  observed(isHealthy: boolean): void;
  stop(): void;
}

interface Options {
  services: Pick<Services, "after" | "chance">;
  tunnels: Tunnels;
  url: string | null;
  /** The session is running or connecting. */
  isInUse: () => boolean;
  /** Called with the first result, and with each change. */
  onChange: (isHealthy: boolean) => Promise<void>;
}

const everyMs = 60_000;
const timeoutMs = 10_000;

export function createProxyWatch({ services, tunnels, isInUse, onChange, ...initial }: Options): ProxyWatch {
  let url = initial.url;
  let known: boolean | undefined;
  /** How many connections were opened. A connection that opens during a failing check counts more than the check. */
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
      if (isInUse()) void check();
    });
  }

  function observed(isHealthy: boolean): void {
    if (isHealthy) opened++;
    if (url === null || known === isHealthy) return;
    known = isHealthy;
    // A change that could not be reported is reported after the next check.
    onChange(isHealthy).catch(() => (known = undefined));
  }

  function check(): Promise<boolean> {
    const tried = url;
    if (tried === null) return Promise.resolve(true);
    const openedBefore = opened;
    checking ??= probe(tried).then((isAnswered) => {
      checking = undefined;
      // The proxy was replaced meanwhile.
      if (tried !== url) return check();
      const isHealthy = isAnswered || opened !== openedBefore;
      observed(isHealthy);
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
    observed,
    stop: () => use(null),
  };
}
