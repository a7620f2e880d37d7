/** Lets a bounded number of logins go on at once; the others wait in line, a line for each workspace. */
export interface Gate {
  /** Runs when there is room. `leave` makes room again; calling it twice does no harm. */
  enter(workspaceId: string, run: (leave: () => void) => void): void;
}

/** Who goes through a proxy, which may hang for as long as it likes, keeps nobody else waiting. */
export type Gates = Record<"direct" | "proxied", Gate>;

interface Line {
  workspaceId: string;
  inside: number;
  waiting: ((leave: () => void) => void)[];
}

/** One workspace has `roomEach` at most; the next place goes to the one with the fewest, in turn. */
export function createGate(room: number, roomEach = room): Gate {
  let inside = 0;
  /** Whoever had a turn last is last. */
  const lines = new Map<string, Line>();

  function next(): Line | undefined {
    let best: Line | undefined;
    for (const line of lines.values()) {
      if (line.waiting.length === 0 || line.inside >= roomEach) continue;
      if (!best || line.inside < best.inside) best = line;
    }
    return best;
  }

  function admit(): void {
    while (inside < room) {
      const line = next();
      const run = line?.waiting.shift();
      if (!line || !run) return;
      lines.delete(line.workspaceId);
      lines.set(line.workspaceId, line);
      inside++;
      line.inside++;
      let hasLeft = false;
      run(() => {
        if (hasLeft) return;
        hasLeft = true;
        inside--;
        line.inside--;
        if (line.inside === 0 && line.waiting.length === 0) lines.delete(line.workspaceId);
        admit();
      });
    }
  }

  return {
    enter(workspaceId, run) {
      let line = lines.get(workspaceId);
      if (!line) lines.set(workspaceId, (line = { workspaceId, inside: 0, waiting: [] }));
      line.waiting.push(run);
      admit();
    },
  };
}
