import type { Services } from "../services.ts";
import { sweepOutbox } from "../store/outbox.ts";
import type { Store } from "../store/store.ts";
import type { Sweep } from "../sweeps.ts";

interface Options {
  services: Pick<Services, "now">;
  store: Pick<Store, "writer">;
  ledgerDays: number;
  /** There are events to deliver again. */
  onRetry: () => void;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Tries parked events again: all of them at the start, because the edge may be fixed by now; then hourly for a day. */
export function retryParked({ services, store, ledgerDays, onRetry }: Options): Sweep {
  return {
    name: "outbox",
    async run(isStart) {
      const at = services.now().getTime();
      const forgetBefore = new Date(at - ledgerDays * dayMs);
      const parkedUntil = new Date(isStart ? at : at - hourMs);
      const appendedSince = isStart ? forgetBefore : new Date(at - dayMs);
      if (await sweepOutbox(store, { parkedUntil, appendedSince, forgetBefore })) onRetry();
    },
  };
}
