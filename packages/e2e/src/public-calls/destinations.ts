import type { TestEdge } from "../edge.ts";
import type { Call } from "./call.ts";
import { numbers } from "./sample-values.ts";

export const destinationCalls = (edge: () => TestEdge): Call[] => [
  { route: "POST /v1/destinations/status", body: { to: numbers[0] }, asks: "redis libsql", budget: [5, 300, 7, 0] },
  {
    route: "POST /v1/destinations/unlock",
    body: { to: numbers[0] },
    asks: "redis libsql libsql",
    budget: [12, 1300, 8, 4],
  },
  { route: "GET /v1/prefix-guard", asks: "redis libsql", budget: [1, 100, 5, 0] },
  {
    route: "DELETE /v1/prefix-guard/{prefix}",
    path: () => "/v1/prefix-guard/6281355",
    arrange: () =>
      edge().sql("INSERT INTO prefix_guard VALUES (?, '6281355', ?, 1, 20, 0, 1)", [
        edge().workspaceId,
        Date.now() + 60_000,
      ]),
    asks: "redis libsql",
    budget: [8, 1100, 16, 8],
  },
];
