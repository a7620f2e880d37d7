import type { Call } from "./call.ts";

export const operatorToken = "a-token-of-the-operator-for-the-tests";

export const workspaceCalls: Call[] = [
  { route: "GET /v1/workspace", asks: "redis libsql", budget: [1, 100, 7, 0] },
  {
    route: "POST /v1/workspaces",
    body: { name: "Other", adminEmail: "ops@example.com", defaultCountry: "ID" },
    headers: { authorization: `Bearer ${operatorToken}` },
    asks: "libsql libsql",
    budget: [12, 1100, 10, 29],
  },
];

/** A change removes the key from the cache. Reads follow. */
export const workspaceChangeCalls: Call[] = [
  { route: "PATCH /v1/workspace", body: { name: "Acme Ltd" }, asks: "redis libsql libsql", budget: [9, 1100, 17, 8] },
  {
    route: "GET /v1/sessions (after a change of the workspace)",
    path: () => "/v1/sessions",
    asks: "libsql redis libsql",
    budget: [2, 2100, 13, 0],
  },
  {
    route: "GET /v1/sessions (once more)",
    path: () => "/v1/sessions",
    asks: "redis libsql",
    budget: [1, 1600, 8, 0],
  },
];
