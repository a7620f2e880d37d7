import type { Call } from "./call.ts";

const anHourAgo = new Date(Date.now() - 3_600_000).toISOString();

export const eventCalls: Call[] = [
  { route: "GET /v1/events", asks: "redis libsql libsql", budget: [13, 4900, 320, 0] },
  {
    route: "GET /v1/events (filters)",
    path: () => "/v1/events?type=message.*&type=poll.vote&limit=10",
    asks: "redis libsql libsql",
    budget: [12, 3400, 280, 0],
  },
  {
    route: "GET /v1/events (createdAfter)",
    path: () => `/v1/events?createdAfter=${anHourAgo}`,
    asks: "redis libsql libsql libsql",
    budget: [15, 4900, 560, 0],
  },
];
