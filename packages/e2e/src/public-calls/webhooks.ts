import type { CreatedWebhook, WebhookReplay, WebhookTest } from "@sandi/contracts";
import type { TestEdge } from "../edge.ts";
import type { Call } from "./call.ts";

/** Nothing listens there: a test answers at once. */
const url = "http://127.0.0.1:9/hook";

export function webhookCalls(edge: () => TestEdge): Call[] {
  let webhook = "";
  let delivery = "";
  let replay = "";
  const at = (rest = "") => `/v1/webhooks/${webhook}${rest}`;

  return [
    {
      route: "POST /v1/webhooks",
      body: { url, events: ["batch.finished"], headers: { authorization: "Bearer x" } },
      asks: "redis libsql",
      budget: [10, 1700, 16, 11],
      keep: ({ id }: CreatedWebhook) => (webhook = id),
    },
    { route: "GET /v1/webhooks", asks: "libsql redis libsql", budget: [2, 800, 11, 0] },
    { route: "GET /v1/webhooks/{id}", path: () => at(), asks: "redis libsql", budget: [1, 200, 7, 0] },
    {
      route: "PATCH /v1/webhooks/{id}",
      path: () => at(),
      body: { description: "CRM" },
      asks: "redis libsql libsql | libsql",
      budget: [16, 6500, 47, 8],
    },
    {
      route: "PATCH /v1/webhooks/{id} (pauses it)",
      path: () => at(),
      body: { isPaused: true },
      asks: "redis libsql libsql | libsql",
      budget: [16, 6500, 47, 8],
    },
    {
      route: "PATCH /v1/webhooks/{id} (resumes it)",
      path: () => at(),
      body: { isPaused: false },
      asks: "redis libsql libsql | libsql libsql",
      budget: [21, 7700, 54, 9],
    },
    {
      route: "POST /v1/webhooks/{id}/test",
      path: () => at("/test"),
      asks: "redis libsql libsql libsql | libsql",
      budget: [22, 6500, 30, 16],
      keep: ({ id }: WebhookTest) => (delivery = id),
    },
    {
      route: "POST /v1/webhooks/{id}/rotate-secret",
      path: () => at("/rotate-secret"),
      body: { overlapSeconds: 60 },
      asks: "redis libsql libsql | libsql",
      budget: [16, 6500, 47, 8],
    },
    {
      route: "GET /v1/webhooks/{id}/stats",
      path: () => at("/stats"),
      asks: "redis libsql libsql",
      budget: [2, 1000, 21, 0],
    },
    {
      route: "GET /v1/webhooks/{id}/deliveries",
      path: () => at("/deliveries"),
      asks: "redis libsql libsql",
      budget: [6, 1400, 23, 0],
    },
    {
      route: "GET /v1/webhooks/{id}/deliveries/{deliveryId}",
      path: () => at(`/deliveries/${delivery}`),
      asks: "redis libsql libsql libsql",
      budget: [3, 1000, 22, 0],
    },
    {
      route: "POST /v1/webhooks/{id}/deliveries/{deliveryId}/retry",
      path: () => at(`/deliveries/${delivery}/retry`),
      // A test is not repeated; an event is.
      arrange: () => edge().sql("UPDATE delivery SET type = 'batch.finished' WHERE id = ?", [delivery]),
      asks: "redis libsql libsql libsql | libsql qstash libsql",
      budget: [20, 7300, 50, 12],
    },
    {
      route: "POST /v1/webhooks/{id}/replay",
      path: () => at("/replay"),
      body: { createdAfter: "2026-11-21T05:00:00.000Z", createdBefore: "2026-11-21T08:00:00.000Z" },
      asks: "redis libsql libsql libsql | libsql qstash libsql",
      budget: [24, 7600, 53, 13],
      keep: ({ id }: WebhookReplay) => (replay = id),
    },
    {
      route: "GET /v1/webhooks/{id}/replays",
      path: () => at("/replays"),
      asks: "redis libsql libsql",
      budget: [2, 900, 21, 0],
    },
    {
      route: "GET /v1/webhooks/{id}/replays/{replayId}",
      path: () => at(`/replays/${replay}`),
      asks: "redis libsql libsql",
      budget: [2, 900, 21, 0],
    },
    {
      route: "DELETE /v1/webhooks/{id}/deliveries",
      path: () => at("/deliveries?createdBefore=2026-11-21T08:00:00.000Z"),
      asks: "redis libsql libsql | libsql",
      budget: [15, 6300, 39, 4],
    },
    {
      route: "DELETE /v1/webhooks/{id}",
      path: () => at(),
      asks: "redis libsql libsql | libsql",
      budget: [17, 6000, 27, 12],
    },
    {
      route: "GET /v1/webhooks (after the last was deleted)",
      path: () => "/v1/webhooks",
      asks: "libsql redis libsql",
      budget: [2, 800, 9, 0],
    },
  ];
}
