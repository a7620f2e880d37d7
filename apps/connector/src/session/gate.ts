/** Bounds how many logins run at the same time; the others wait in a queue for each workspace. */
export interface Gate {
  /** Calls `run` when a place is free. `leave` frees the place; calling it twice does no harm. */
  enter(workspaceId: string, run: (leave: () => void) => void): void;
}

/** Logins through proxies have a gate of their own, because a proxy can hang for any time. */
export type Gates = Record<"direct" | "proxied", Gate>;

interface Queue {
  workspaceId: string;
  inside: number;
  waiting: ((leave: () => void) => void)[];
}

/** One workspace gets at most `placesEach`. The next place goes to the workspace with the fewest, in turn. */
export function createGate(places: number, placesEach = places): Gate {
  let inside = 0;
  /** Map order is round-robin order. */
  const queues = new Map<string, Queue>();

  function next(): Queue | undefined {
    let best: Queue | undefined;
    for (const queue of queues.values()) {
      if (queue.waiting.length === 0 || queue.inside >= placesEach) continue;
      if (!best || queue.inside < best.inside) best = queue;
    }
    return best;
  }

  function admit(): void {
    while (inside < places) {
      const queue = next();
      const run = queue?.waiting.shift();
      if (!queue || !run) return;
      queues.delete(queue.workspaceId);
      queues.set(queue.workspaceId, queue);
      inside++;
      queue.inside++;
      let hasLeft = false;
      run(() => {
        if (hasLeft) return;
        hasLeft = true;
        inside--;
        queue.inside--;
        if (queue.inside === 0 && queue.waiting.length === 0) queues.delete(queue.workspaceId);
        admit();
      });
    }
  }

  return {
    enter(workspaceId, run) {
      let queue = queues.get(workspaceId);
      if (!queue) queues.set(workspaceId, (queue = { workspaceId, inside: 0, waiting: [] }));
      queue.waiting.push(run);
      admit();
    },
  };
}
