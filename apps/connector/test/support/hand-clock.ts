/** A clock that stands still until it is moved; what is due then happens, in its order. */
export interface HandClock {
  now: () => Date;
  after: (ms: number, run: () => void) => () => void;
  pass(ms: number): void;
}

export function handClock(start = Date.now()): HandClock {
  const timers = new Set<{ at: number; run: () => void }>();
  let at = start;
  return {
    now: () => new Date(at),
    after(ms, run) {
      const timer = { at: at + ms, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    pass(ms) {
      const end = at + ms;
      for (;;) {
        const [next] = [...timers].filter((timer) => timer.at <= end).toSorted((a, b) => a.at - b.at);
        if (!next) break;
        timers.delete(next);
        at = Math.max(at, next.at);
        next.run();
      }
      at = end;
    },
  };
}
