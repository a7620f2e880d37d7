import type { QrPageLink, Session } from "@sandi/contracts";
import type { TestEdge } from "../edge.ts";
import type { Call } from "./call.ts";

export function sessionCalls(edge: () => TestEdge): Call[] {
  let session = "";
  let qrPage = "";

  return [
    {
      route: "POST /v1/sessions",
      body: { name: "Second" },
      asks: "redis libsql | qstash",
      budget: [10, 3400, 26, 20],
      keep: ({ id }: Session) => (session = id),
    },
    { route: "GET /v1/sessions", asks: "redis libsql", budget: [1, 1600, 8, 0] },
    {
      route: "GET /v1/sessions/{id}",
      path: () => `/v1/sessions/${session}`,
      asks: "redis libsql",
      budget: [1, 1600, 7, 0],
    },
    {
      route: "PATCH /v1/sessions/{id}",
      path: () => `/v1/sessions/${session}`,
      body: { name: "Third" },
      asks: "redis libsql",
      budget: [8, 2600, 16, 8],
    },
    {
      route: "GET /v1/sessions/{id}/health",
      path: () => `/v1/sessions/${session}/health`,
      asks: "redis libsql libsql connector",
      budget: [2, 3500, 8, 0],
    },
    {
      route: "GET /v1/sessions/{id}/events",
      path: () => `/v1/sessions/${session}/events`,
      asks: "redis libsql libsql",
      budget: [2, 1800, 10, 0],
    },
    {
      route: "PUT /v1/sessions/{id}/proxy",
      path: () => `/v1/sessions/${session}/proxy`,
      body: { url: "socks5://user:password@proxy.example.com" },
      asks: "redis libsql libsql | qstash",
      budget: [11, 3200, 25, 16],
    },
    {
      route: "DELETE /v1/sessions/{id}/proxy",
      path: () => `/v1/sessions/${session}/proxy`,
      asks: "redis libsql libsql | qstash",
      budget: [12, 3500, 29, 16],
    },
    {
      route: "POST /v1/sessions/{id}/stop",
      path: () => `/v1/sessions/${session}/stop`,
      asks: "redis libsql | qstash",
      budget: [14, 12_900, 49, 11],
    },
    {
      route: "POST /v1/sessions/{id}/start",
      path: () => `/v1/sessions/${session}/start`,
      asks: "redis libsql | qstash",
      budget: [13, 12_600, 43, 11],
    },
    {
      route: "GET /v1/sessions/{id}/qr",
      path: () => `/v1/sessions/${session}/qr`,
      arrange: () => edge().sql("UPDATE session SET state = 'pairing' WHERE id = ?", [session]),
      asks: "redis libsql connector",
      budget: [6, 2100, 8, 4],
    },
    {
      route: "POST /v1/sessions/{id}/pairing-code",
      path: () => `/v1/sessions/${session}/pairing-code`,
      body: { phone: "+6281200000002" },
      asks: "redis libsql connector",
      budget: [8, 4100, 28, 11],
    },
    {
      route: "POST /v1/sessions/{id}/qr-page",
      path: () => `/v1/sessions/${session}/qr-page`,
      asks: "redis libsql",
      budget: [6, 2100, 8, 4],
      keep: ({ url }: QrPageLink) => (qrPage = url.slice(edge().url.length)),
    },
    { route: "GET /v1/sessions/{id}/qr-page", path: () => qrPage, asks: "libsql connector", budget: [1, 800, 31, 0] },
    {
      route: "POST /v1/sessions/{id}/restart",
      path: () => `/v1/sessions/${session}/restart`,
      asks: "redis libsql | qstash",
      budget: [13, 12_600, 41, 11],
    },
    {
      route: "POST /v1/sessions/{id}/logout",
      path: () => `/v1/sessions/${session}/logout`,
      asks: "redis libsql | qstash",
      budget: [16, 13_800, 53, 11],
    },
    {
      route: "DELETE /v1/sessions/{id}",
      path: () => `/v1/sessions/${session}`,
      asks: "redis libsql | qstash",
      budget: [16, 13_800, 53, 11],
    },
  ];
}
