export type * from "./account/limits.ts";
export type * from "./api.ts";
export type * from "./groups/api.ts";
export { SimulatorError, type SimulatorErrorCode } from "./errors.ts";
export type { Fault, FaultKind, FaultRecord } from "./faults.ts";
export { startSimulator } from "./simulator.ts";
export type { StatsSnapshot } from "./stats.ts";
