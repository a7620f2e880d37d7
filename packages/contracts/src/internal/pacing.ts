import type { Pacing } from "./jobs.ts";

type Range = readonly [from: number, to: number];

/** The distances between the messages of a preset. Each one is drawn at random from its range. */
export interface Preset {
  /** From one message to the next. */
  gapMs: Range;
  /** A longer pause after a number of messages. */
  pause: { after: Range; ms: Range } | null;
  /** Within any 24 hours. */
  perDay: number;
}

/**
 * | preset  | one message every | pause                        | in 24 hours |
 * | careful | 8 to 16 s         | 1 to 3 min after 15 to 30    | 300         |
 * | normal  | 2 to 4 s          | 30 to 90 s after 30 to 60    | 1,500       |
 * | fast    | 0.5 to 1.5 s      |                              | 15,000      |
 * | off     | when the one before it is acknowledged           |             |
 */
export const pacingPresets: Record<Pacing, Preset> = {
  careful: { gapMs: [8000, 16_000], pause: { after: [15, 30], ms: [60_000, 180_000] }, perDay: 300 },
  normal: { gapMs: [2000, 4000], pause: { after: [30, 60], ms: [30_000, 90_000] }, perDay: 1500 },
  fast: { gapMs: [500, 1500], pause: null, perDay: 15_000 },
  off: { gapMs: [0, 0], pause: null, perDay: Number.POSITIVE_INFINITY },
};
