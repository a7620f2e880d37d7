import type { Call } from "./call.ts";

export const eventCalls: Call[] = [
  { route: "GET /v1/events", asks: "redis libsql libsql", budget: [20, 20_000, 900, 0] },
  {
    route: "GET /v1/events (filters)",
    path: () => "/v1/events?type=message.*&type=poll.vote&limit=10",
    asks: "redis libsql libsql",
    budget: [20, 20_000, 900, 0],
  },
  {
    route: "GET /v1/events (createdAfter)",
    path: () => "/v1/events?createdAfter=2100-01-01T00:00:00.000Z",
    asks: "redis libsql libsql",
    budget: [20, 20_000, 900, 0],
  },
];
