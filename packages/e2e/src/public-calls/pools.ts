import type { Call } from "./call.ts";

export function poolCalls(): Call[] {
  let pool = "";

  return [
    {
      route: "POST /v1/pools",
      body: { name: "Second" },
      asks: "redis libsql",
      budget: [10, 1500, 20, 11],
      keep: ({ id }: { id: string }) => (pool = id),
    },
    { route: "GET /v1/pools", asks: "redis libsql", budget: [1, 100, 11, 0] },
    { route: "GET /v1/pools/{id}", path: () => `/v1/pools/${pool}`, asks: "redis libsql", budget: [1, 100, 7, 0] },
    {
      route: "PATCH /v1/pools/{id}",
      path: () => `/v1/pools/${pool}`,
      body: { pacing: "fast" },
      asks: "redis libsql libsql",
      budget: [9, 1200, 17, 8],
    },
    {
      route: "DELETE /v1/pools/{id}",
      path: () => `/v1/pools/${pool}`,
      asks: "redis libsql libsql",
      budget: [9, 1200, 17, 8],
    },
  ];
}
