/** Lets a bounded number of logins go on at once; the others wait in line. */
export interface Gate {
  /** Runs when there is room. `leave` makes room again; calling it twice does no harm. */
  enter(run: (leave: () => void) => void): void;
}

/** Who goes through a proxy, which may hang for as long as it likes, keeps nobody else waiting. */
export type Gates = Record<"direct" | "proxied", Gate>;

export function createGate(room: number): Gate {
  let inside = 0;
  const line: ((leave: () => void) => void)[] = [];

  function admit(): void {
    while (inside < room) {
      const run = line.shift();
      if (!run) return;
      inside++;
      let hasLeft = false;
      run(() => {
        if (hasLeft) return;
        hasLeft = true;
        inside--;
        admit();
      });
    }
  }

  return {
    enter(run) {
      line.push(run);
      admit();
    },
  };
}
