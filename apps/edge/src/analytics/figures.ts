import {
  type AnalyticsCounts,
  type AnalyticsFigures,
  type AnalyticsPercentiles,
  type Stage,
  stages,
  type TimedStage,
} from "@sandi/contracts";

/** Lower bounds of the latency buckets in milliseconds, up to fifty minutes: the rows of `latency_bucket`. */
export const latencyFloors = Array.from({ length: 44 }, (_, i) => Math.round(2 ** (i / 2)));

/** A stage as the calling key sees it. `known_…` are additional counts of codes that the caller knows. */
export type TalliedStage = Stage | `known_${"created" | "resent" | "approved"}`;

export interface Tally {
  stage: TalliedStage;
  /** Lower bound of the time since creation; 0 for stages without latencies. */
  bucket: number;
  count: number;
}

/** Counts, rates and latencies of one group's rows. */
export function figuresOf(tallies: readonly Tally[]): AnalyticsFigures {
  const counts = countsOf(tallies);
  const { created, sent, delivered, read, approved, checkedElsewhere } = counts;
  const checkedHere = Math.max(0, created - checkedElsewhere);
  const approvedHere = Math.max(0, approved - countOf(tallies, "known_approved"));
  const latency = (stage: TimedStage) => percentilesOf(tallies.filter((each) => each.stage === stage));
  return {
    counts,
    rates: {
      delivered: rateOf(delivered, sent),
      read: rateOf(read, delivered),
      conversion: rateOf(approvedHere, checkedHere),
    },
    latencies: {
      sent: latency("sent"),
      delivered: latency("delivered"),
      read: latency("read"),
      approved: latency("approved"),
    },
  };
}

type StageCounts = readonly Pick<Tally, "stage" | "count">[];

export function countsOf(tallies: StageCounts): AnalyticsCounts {
  const of = (stage: TalliedStage) => countOf(tallies, stage);
  const counts = Object.fromEntries(Object.keys(stages).map((stage) => [stage, of(stage as Stage)]));
  return { ...(counts as Record<Stage, number>), checkedElsewhere: of("known_created") };
}

const countOf = (tallies: StageCounts, stage: TalliedStage): number =>
  tallies.reduce((sum, each) => (each.stage === stage ? sum + each.count : sum), 0);

/** A resend may use another session, so within one group a later stage may have a higher count than an earlier one. */
const rateOf = (part: number, whole: number) => (whole === 0 ? null : Math.min(1, part / whole));

interface Bucket {
  bucket: number;
  count: number;
}

/** Percentiles by nearest rank. The times in a bucket count as evenly spread between its bounds. */
export function percentilesOf(buckets: readonly Bucket[]): AnalyticsPercentiles | null {
  const total = buckets.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return null;
  const sorted = buckets.toSorted((a, b) => a.bucket - b.bucket);
  const at = (percent: number) => {
    const rank = Math.ceil((percent / 100) * total);
    let before = 0;
    for (const { bucket, count } of sorted) {
      if (before + count >= rank) return within(bucket, (rank - before - 0.5) / count);
      before += count;
    }
    return 0;
  };
  return { p50: at(50), p95: at(95), p99: at(99) };
}

function within(floor: number, share: number): number {
  const ceiling = latencyFloors.find((each) => each > floor) ?? floor * Math.SQRT2;
  return Math.floor(floor + (ceiling - floor) * share);
}
