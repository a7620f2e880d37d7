/** Runs functions later; close cancels all of them. */
export class Timers {
  readonly #schedule: (run: () => void, afterMs: number) => () => void;
  readonly #pending = new Set<() => void>();
  #closed = false;

  constructor(schedule: (run: () => void, afterMs: number) => () => void = realTime) {
    this.#schedule = schedule;
  }

  /** Returns a function that cancels. After close nothing runs. */
  after(afterMs: number, run: () => void): () => void {
    if (this.#closed) return () => {};
    let stop: (() => void) | undefined;
    const cancel = () => {
      this.#pending.delete(cancel);
      stop?.();
    };
    this.#pending.add(cancel);
    stop = this.#schedule(() => {
      this.#pending.delete(cancel);
      run();
    }, afterMs);
    return cancel;
  }

  close(): void {
    this.#closed = true;
    for (const cancel of this.#pending) cancel();
  }
}

function realTime(run: () => void, afterMs: number): () => void {
  const timer = setTimeout(run, afterMs);
  return () => clearTimeout(timer);
}
