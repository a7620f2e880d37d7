import type { Call } from "./call.ts";

export function alertCalls(): Call[] {
  let channel = "";

  return [
    {
      route: "POST /v1/alert-channels",
      body: { kind: "telegram", name: "On call", botToken: `1234567:${"x".repeat(35)}`, chatId: "-1001234567890" },
      asks: "redis libsql",
      budget: [9, 1500, 17, 12],
      keep: ({ id }: { id: string }) => (channel = id),
    },
    { route: "GET /v1/alert-channels", asks: "redis libsql", budget: [1, 200, 7, 0] },
    {
      route: "GET /v1/alert-channels/{id}",
      path: () => `/v1/alert-channels/${channel}`,
      asks: "redis libsql",
      budget: [1, 200, 7, 0],
    },
    {
      route: "PATCH /v1/alert-channels/{id}",
      path: () => `/v1/alert-channels/${channel}`,
      body: { afterSeconds: 120 },
      asks: "redis libsql libsql",
      budget: [9, 2000, 41, 8],
    },
    {
      route: "POST /v1/alert-channels/{id}/test",
      path: () => `/v1/alert-channels/${channel}/test`,
      asks: "redis libsql telegram libsql",
      budget: [13, 1600, 16, 13],
    },
    {
      route: "GET /v1/alert-channels/{id}/deliveries",
      path: () => `/v1/alert-channels/${channel}/deliveries`,
      asks: "redis libsql",
      budget: [1, 200, 7, 0],
    },
    { route: "GET /v1/incidents", asks: "redis libsql", budget: [1, 400, 8, 0] },
    {
      route: "DELETE /v1/alert-channels/{id}",
      path: () => `/v1/alert-channels/${channel}`,
      asks: "redis libsql",
      budget: [8, 1000, 17, 10],
    },
  ];
}
