import type { Batch } from "@sandi/contracts";
import type { TestEdge } from "../edge.ts";
import type { Call } from "./call.ts";
import { numbers } from "./sample-values.ts";

const people = numbers.slice(0, 2).map((to) => ({ to, variables: { name: "Budi" } }));

export function batchCalls(edge: () => TestEdge): Call[] {
  let batch = "";
  const ofBatch = (rest = "") => ({ path: () => `/v1/batches/${batch}${rest}` });

  return [
    {
      route: "POST /v1/batches",
      body: () => ({
        name: "Spring offers",
        sessionId: edge().sessionId,
        message: { type: "text", text: "Hi {{name}}" },
        recipients: people,
      }),
      asks: "redis libsql | libsql qstash",
      budget: [13, 6800, 40, 18],
      keep: ({ id }: Batch) => (batch = id),
    },
    {
      route: "POST /v1/batches (dryRun)",
      body: { message: { type: "text", text: "Hi {{name}}" }, recipients: people, dryRun: true },
      asks: "redis libsql libsql",
      budget: [6, 4000, 60, 0],
    },
    { route: "GET /v1/batches", asks: "redis libsql", budget: [1, 250, 10, 0] },
    { route: "GET /v1/batches/{id}", ...ofBatch(), asks: "redis libsql", budget: [1, 700, 15, 0] },
    {
      route: "GET /v1/batches/{id}/messages",
      ...ofBatch("/messages"),
      asks: "redis libsql libsql",
      budget: [2, 1000, 10, 0],
    },
    {
      route: "GET /v1/batches/{id}/report",
      ...ofBatch("/report"),
      asks: "redis libsql libsql",
      budget: [2, 450, 10, 0],
    },
    {
      route: "POST /v1/batches/{id}/pause",
      ...ofBatch("/pause"),
      asks: "redis libsql libsql libsql libsql libsql libsql",
      budget: [15, 2600, 40, 12],
    },
    {
      route: "POST /v1/batches/{id}/resume",
      ...ofBatch("/resume"),
      asks: "redis libsql libsql libsql | libsql qstash",
      budget: [11, 2400, 30, 8],
    },
    {
      route: "POST /v1/batches/{id}/cancel",
      ...ofBatch("/cancel"),
      asks: "redis libsql libsql libsql libsql libsql libsql",
      budget: [17, 3000, 50, 12],
    },
  ];
}
