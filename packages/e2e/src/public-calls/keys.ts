import type { ApiKey, CreatedApiKey } from "@sandi/contracts";
import type { Call } from "./call.ts";

export function keyCalls(): Call[] {
  let key = "";

  return [
    {
      route: "POST /v1/keys",
      body: { name: "Second", scopes: ["otp:send"] },
      asks: "redis libsql",
      budget: [9, 1500, 22, 12],
      keep: ({ id }: CreatedApiKey) => (key = id),
    },
    { route: "GET /v1/keys", asks: "redis libsql", budget: [1, 100, 10, 0] },
    { route: "GET /v1/keys/{id}", path: () => `/v1/keys/${key}`, asks: "redis libsql", budget: [1, 100, 7, 0] },
    {
      route: "PATCH /v1/keys/{id}",
      path: () => `/v1/keys/${key}`,
      body: { name: "Third" },
      asks: "redis libsql libsql",
      budget: [12, 2800, 25, 8],
    },
    {
      route: "POST /v1/keys/{id}/rotate",
      path: () => `/v1/keys/${key}/rotate`,
      body: {},
      asks: "redis libsql libsql libsql",
      budget: [15, 2600, 40, 14],
      keep: ({ id }: ApiKey) => (key = id),
    },
    {
      route: "DELETE /v1/keys/{id}",
      path: () => `/v1/keys/${key}`,
      asks: "redis libsql libsql",
      budget: [12, 2700, 25, 10],
    },
  ];
}
