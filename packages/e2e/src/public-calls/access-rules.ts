import type { Call } from "./call.ts";
import { numbers, soon } from "./sample-values.ts";

export function accessRuleCalls(): Call[] {
  let rule = "";

  return [
    {
      route: "POST /v1/access-rules",
      body: { effect: "allow", kind: "number", value: numbers[0], expiresAt: soon },
      asks: "redis libsql",
      budget: [11, 1700, 19, 12],
      keep: ({ id }: { id: string }) => (rule = id),
    },
    { route: "GET /v1/access-rules", asks: "redis libsql", budget: [1, 200, 8, 0] },
    {
      route: "GET /v1/access-rules/{id}",
      path: () => `/v1/access-rules/${rule}`,
      asks: "redis libsql",
      budget: [1, 200, 7, 0],
    },
    {
      route: "DELETE /v1/access-rules/{id}",
      path: () => `/v1/access-rules/${rule}`,
      asks: "redis libsql libsql",
      budget: [9, 1100, 17, 8],
    },
  ];
}
