import { readdirSync, readFileSync } from "node:fs";
import { loadavg } from "node:os";

/** The value below which this share of the sorted samples lies. */
export function percentile(samples: number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** `p50 1.2  p95 2.3  p99 3.4 ms`. */
export function latencies(samples: number[]): string {
  const figure = (share: number) => percentile(samples, share).toFixed(1).padStart(6);
  return `p50 ${figure(0.5)}   p95 ${figure(0.95)}   p99 ${figure(0.99)} ms`;
}

/** CPU time and memory of one process, read from /proc. */
export interface Usage {
  cpuMs: number;
  rssMb: number;
}

const ticksPerSecond = 100;
const pageBytes = 4096;

/** @returns undefined where there is no /proc, or the process is gone */
export function usageOf(pid: number): Usage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return {
      cpuMs: ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond,
      rssMb: (Number(fields[21]) * pageBytes) / 1024 ** 2,
    };
  } catch {
    return undefined;
  }
}

/** The children of this process that run workerd. */
export function workerdPids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
        return (
          stat.includes("(workerd)") && Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === process.pid
        );
      } catch {
        return false;
      }
    });
}

/** Of one, five and fifteen minutes. */
export const loadAverage = () =>
  loadavg()
    .map((load) => load.toFixed(2))
    .join(" ");

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
