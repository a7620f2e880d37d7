import type { Call } from "./call.ts";

export const analyticsCalls: Call[] = [
  { route: "GET /v1/analytics/summary", asks: "redis libsql", budget: [1, 800, 34, 0] },
  { route: "GET /v1/analytics/timeseries", asks: "redis libsql", budget: [5, 900, 34, 0] },
];
