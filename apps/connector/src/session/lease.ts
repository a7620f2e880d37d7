import type { Services } from "../services.ts";

/** Until when a session is ours, by this machine's clock. */
export interface Lease {
  /** It holds until then. Milliseconds since the epoch. */
  renewed(until: number): void;
  holds(): boolean;
  stop(): void;
}

interface Options {
  services: Pick<Services, "now" | "after">;
  /** It ran out before it was renewed. */
  onExpired: () => void;
  /** It was renewed after it had run out. */
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
