import type { TestStack } from "../harness.ts";
import { type Usage, usageOf, workerdPids } from "./figures.ts";

/** The processes of a stack whose CPU time is counted. The emulators run in the benchmark's own process. */
export const parts = ["edge", "connector", "simulator", "emulators"] as const;
export type Part = (typeof parts)[number];

export const labels: Record<Part, string> = {
  edge: "edge (workerd)",
  connector: "connector",
  simulator: "simulator",
  emulators: "libSQL+Redis+QStash",
};

export const sum = (each: Record<Part, number>) => parts.reduce((total, part) => total + each[part], 0);

const gone: Usage = { cpuMs: 0, rssMb: 0 };

export function usages({ connector, simulator }: TestStack): Record<Part, Usage> {
  const workers = workerdPids().map((pid) => usageOf(pid) ?? gone);
  return {
    edge: {
      cpuMs: workers.reduce((total, { cpuMs }) => total + cpuMs, 0),
      rssMb: workers.reduce((total, { rssMb }) => total + rssMb, 0),
    },
    connector: usageOf(connector.pid ?? 0) ?? gone,
    simulator: usageOf(simulator?.pid ?? 0) ?? gone,
    emulators: usageOf(process.pid) ?? gone,
  };
}
