import type { Stack } from "@sandi/local-stack";
import { liveHeapMb } from "./inspect.ts";

/** The live heap of one connector process after a garbage collection. */
export interface HeapLook {
  pid: number;
  /** Milliseconds. */
  at: number;
  heapMb: number;
}

/** Measures the live heap of every running connector. */
export function createHeapLooks(stack: Pick<Stack, "connectors">, firstPort: number) {
  const looks: HeapLook[] = [];
  async function look(): Promise<void> {
    await Promise.all(
      stack.connectors.map(async ({ pid }, index) => {
        if (pid === undefined) return;
        const heapMb = await liveHeapMb(pid, firstPort + index).catch(() => undefined);
        if (heapMb !== undefined) looks.push({ pid, at: performance.now(), heapMb });
      }),
    );
  }
  return { look, looks };
}

/** A smaller increase is not counted as growth, because caches fill and code is compiled. */
const leeway = 1.1;

/** Says whether the live heap grows with the age of a connector or during the run. */
export function heapVerdict(looks: readonly HeapLook[]): string {
  const lives = [...Map.groupBy(looks, ({ pid }) => pid).values()].map((life) => ({
    first: life[0]!,
    last: life.at(-1)!,
  }));
  const lived = lives.filter(({ first, last }) => last !== first);
  const mb = {
    born: mean(lived.map(({ first }) => first.heapMb)),
    died: mean(lived.map(({ last }) => last.heapMb)),
    start: mean(looks.slice(0, Math.ceil(looks.length / 4)).map(({ heapMb }) => heapMb)),
    end: mean(looks.slice(-Math.ceil(looks.length / 4)).map(({ heapMb }) => heapMb)),
  };
  const minutes = mean(lived.map(({ first, last }) => (last.at - first.at) / 60_000));
  const isFlat = mb.died <= mb.born * leeway && mb.end <= mb.start * leeway;
  const [born, died, start, end] = [mb.born, mb.died, mb.start, mb.end].map((each) => each.toFixed(0));
  return `live heap of a connector: ${born} MB when its life begins and ${died} MB ${minutes.toFixed(1)} minutes later; ${start} MB in the run's first quarter, ${end} MB in its last: ${isFlat ? "flat" : "GROWS"}`;
}

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
