import type { Erasure } from "@sandi/contracts";
import type { Call } from "./call.ts";

export function erasureCalls(): Call[] {
  let erasure = "";

  return [
    {
      route: "DELETE /v1/people/{person}",
      path: () => "/v1/people/6281355500077",
      asks: "redis libsql | libsql qstash",
      budget: [10, 1900, 12, 12],
      keep: ({ id }: Erasure) => (erasure = id),
    },
    {
      route: "GET /v1/erasures/{id}",
      path: () => `/v1/erasures/${erasure}`,
      asks: "redis libsql",
      budget: [1, 200, 3, 0],
    },
  ];
}
