import type { Media } from "@sandi/contracts";
import type { TestEdge } from "../edge.ts";
import type { Call } from "./call.ts";
import type { SentMessages } from "./messages.ts";

export function mediaCalls(edge: () => TestEdge, sent: SentMessages): Call[] {
  let file = "";

  return [
    {
      route: "POST /v1/messages/{id}/media",
      path: () => `/v1/messages/${sent.message}/media`,
      arrange: () => edge().sql("UPDATE message SET direction = 'inbound' WHERE id = ?", [sent.message]),
      asks: "redis libsql libsql connector",
      budget: [7, 1700, 20, 2],
    },
    {
      route: "PATCH /v1/sessions/{id} (settings)",
      path: () => `/v1/sessions/${edge().sessionId}`,
      body: { settings: { mediaDownload: "onDemand" } },
      asks: "redis libsql | qstash",
      budget: [9, 3300, 30, 16],
    },
    {
      route: "POST /v1/media",
      body: { any: "file" },
      asks: "redis libsql libsql",
      budget: [10, 1500, 17, 14],
      keep: ({ id }: Media) => (file = id),
    },
    { route: "GET /v1/media/{id}", path: () => `/v1/media/${file}`, asks: "redis libsql", budget: [1, 300, 7, 0] },
    {
      route: "GET /v1/media/{id}/content",
      path: () => `/v1/media/${file}/content`,
      asks: "redis libsql",
      budget: [1, 300, 7, 0],
    },
    {
      route: "DELETE /v1/media/{id}",
      path: () => `/v1/media/${file}`,
      asks: "redis libsql | libsql",
      budget: [7, 700, 11, 10],
    },
  ];
}
