import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

/**
 * Makes the metrics that `/metrics` shows. Each room makes its own. No label holds a session, a number or anything else of
 * which there are many.
 */
export interface Meter {
  /** A registry of its own, so that two connectors fit into one process. */
  readonly registry: Registry;
  counter: <Label extends string = never>(name: string, help: string, ...labels: Label[]) => Counter<Label>;
  /** A counter that somebody else keeps. @param read its value at the time of each scrape */
  total: (name: string, help: string, read: () => number) => void;
  /** @param read the value at the time of each scrape; without it the caller sets the gauge */
  gauge: (name: string, help: string, read?: () => number | Promise<number>) => Gauge;
  histogram: (name: string, help: string, buckets?: number[]) => Histogram;
}

/** For an exchange on one machine, up to a request that times out. Seconds. */
const shortBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** For what can wait for a queue, an outage or a person. Seconds. */
export const longBuckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];

export function createMeter({ withProcess }: { withProcess: boolean }): Meter {
  const registry = new Registry();
  const registers = [registry];
  if (withProcess) collectDefaultMetrics({ register: registry, prefix: "sandi_connector_" });
  return {
    registry,
    counter: (name, help, ...labelNames) => new Counter({ name, help, labelNames, registers }),
    total(name, help, read) {
      void new Counter({
        name,
        help,
        registers,
        collect() {
          this.reset();
          this.inc(read());
        },
      });
    },
    gauge(name, help, read) {
      if (!read) return new Gauge({ name, help, registers });
      return new Gauge({
        name,
        help,
        registers,
        async collect() {
          this.set(await read());
        },
      });
    },
    histogram: (name, help, buckets = shortBuckets) => new Histogram({ name, help, buckets, registers }),
  };
}
