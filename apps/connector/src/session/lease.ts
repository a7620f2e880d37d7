import type { Services } from "../services.ts";

/** The lease of a session, by this machine's clock. */
export interface Lease {
  /** The lease was extended until then. Milliseconds since the epoch. */
  renewed(until: number): void;
  holds(): boolean;
  stop(): void;
}

interface Options {
  services: Pick<Services, "now" | "after">;
  /** The lease expired before it was renewed. */
  onExpired: () => void;
  /** The lease was renewed after it had expired. */
  onLate: () => void;
}

export function createLease({ services, onExpired, onLate }: Options): Lease {
  let leaseUntil = 0;
  let isStopped = false;
  let cancelExpiry: (() => void) | undefined;
  const holds = () => leaseUntil > services.now().getTime();

  return {
    holds,
    renewed(until) {
      if (isStopped) return;
      if (leaseUntil > 0 && !holds()) onLate();
      leaseUntil = until;
      cancelExpiry?.();
      cancelExpiry = services.after(Math.max(0, until - services.now().getTime()), onExpired);
    },
    stop() {
      isStopped = true;
      cancelExpiry?.();
    },
  };
}
