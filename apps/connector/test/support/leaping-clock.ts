/**
 * A clock that can leap ahead: what was due meanwhile happens then. Between the leaps it runs as the real one, or stands
 * still; timers run in any case.
 */
export interface LeapingClock {
  now: () => Date;
  after: (ms: number, run: () => void) => () => void;
  /** Leaps in steps that are shorter than a lease of 300 s, with time for its renewal. */
  pass: (ms: number) => Promise<void>;
}

const stepMs = 60_000;

export function leapingClock({ standsStill = false } = {}): LeapingClock {
  const timers = new Set<{ at: number; run: () => void }>();
  let aheadMs = 0;
  const start = Date.now();
  const now = () => (standsStill ? start : Date.now()) + aheadMs;
  return {
    now: () => new Date(now()),
    after(ms, run) {
      const real = setTimeout(() => fire(), ms);
      const fire = () => {
        clearTimeout(real);
        if (timers.delete(timer)) run();
      };
      const timer = { at: now() + ms, run: fire };
      timers.add(timer);
      return () => {
        clearTimeout(real);
        timers.delete(timer);
      };
    },
    async pass(ms) {
      for (let left = ms; left > 0; left -= stepMs) {
        aheadMs += Math.min(left, stepMs);
        for (const timer of timers) if (timer.at <= now()) timer.run();
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    },
  };
}
