/** A function that runs at a time. `run` is undefined after it has run or was canceled. */
export interface Alarm {
  at: number;
  run: (() => void) | undefined;
}

const longestTimer = 2 ** 31 - 1;

/** Runs functions at their time, with one timer for the earliest. */
export class Alarms {
  readonly #now: () => number;
  readonly #heap: Alarm[] = [];
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;
  #isClosed = false;

  constructor(now: () => number) {
    this.#now = now;
  }

  set(at: number, run: () => void): Alarm {
    const alarm = { at, run };
    this.#push(alarm);
    this.#arm();
    return alarm;
  }

  /** Runs what is due. A test calls it after it moved the clock. */
  wake(): void {
    const now = this.#now();
    for (let first = this.#heap[0]; first && (first.at <= now || !first.run); first = this.#heap[0]) {
      this.#pop();
      const { run } = first;
      first.run = undefined;
      run?.();
    }
    this.#arm();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#heap.length = 0;
  }

  #arm(): void {
    const next = this.#heap[0]?.at ?? Infinity;
    if (next === this.#timerAt || this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#timerAt = next;
    if (next === Infinity) return;
    this.#timer = setTimeout(
      () => {
        this.#timerAt = Infinity;
        this.wake();
      },
      Math.min(longestTimer, Math.max(0, Math.ceil(next - this.#now()))),
    );
  }

  #push(alarm: Alarm): void {
    const heap = this.#heap;
    let at = heap.push(alarm) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Alarm;
      if (above.at <= alarm.at) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = alarm;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as Alarm).at < (heap[child] as Alarm).at) child++;
      if ((heap[child] as Alarm).at >= last.at) break;
      heap[at] = heap[child] as Alarm;
      at = child;
    }
    heap[at] = last;
  }
}
