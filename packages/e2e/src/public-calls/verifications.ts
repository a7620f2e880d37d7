import type { Verification, VerificationResult } from "@sandi/contracts";
import type { TestEdge } from "../edge.ts";
import type { Call } from "./call.ts";
import { code, numbers } from "./sample-values.ts";

export function verificationCalls(edge: () => TestEdge): Call[] {
  let ver = "";
  let sent = "";
  const made: string[] = [];
  const ofVer = (rest = "") => ({ path: () => `/v1/verifications/${ver}${rest}` });

  return [
    {
      route: "POST /v1/verifications",
      body: { to: numbers[0], code },
      asks: "redis libsql | qstash",
      budget: [14, 12_900, 83, 38],
      keep: ({ id }: Verification) => (ver = id),
    },
    {
      route: "POST /v1/verifications (Idempotency-Key)",
      body: { to: numbers[1], code },
      headers: { "idempotency-key": "one" },
      asks: "redis libsql | libsql qstash",
      budget: [17, 13_700, 89, 43],
      keep: ({ id }: Verification) => (sent = id),
    },
    {
      route: "POST /v1/verifications/batch",
      body: { verifications: [2, 3, 4].map((i) => ({ to: numbers[i], code })) },
      asks: "redis libsql | qstash qstash qstash",
      budget: [34, 26_000, 245, 108],
      keep: ({ results }: { results: VerificationResult[] }) => {
        made.push(...results.map(({ verification }) => verification?.id ?? ""));
      },
    },
    { route: "GET /v1/verifications", asks: "redis libsql", budget: [5, 1900, 50, 0] },
    {
      route: "POST /v1/verifications/search",
      body: { to: numbers[0] },
      asks: "redis libsql",
      budget: [4, 1500, 11, 0],
    },
    { route: "GET /v1/verifications/{id}", ...ofVer(), asks: "redis libsql", budget: [1, 1400, 11, 0] },
    {
      route: "GET /v1/verifications/{id}/events",
      ...ofVer("/events"),
      asks: "redis libsql libsql",
      budget: [2, 1600, 19, 0],
    },
    {
      route: "POST /v1/verifications/{id}/resend",
      ...ofVer("/resend"),
      arrange: () => edge().sql("UPDATE verification SET next_send_at = 1"),
      asks: "redis libsql libsql | qstash",
      budget: [14, 12_200, 79, 40],
    },
    {
      route: "POST /v1/verifications/check",
      body: { to: numbers[0], code },
      asks: "redis libsql libsql",
      budget: [9, 5500, 44, 19],
    },
    {
      route: "POST /v1/verifications/{id}/check",
      path: () => `/v1/verifications/${sent}/check`,
      body: { code },
      asks: "redis libsql",
      budget: [8, 5300, 38, 19],
    },
    {
      route: "POST /v1/verifications/{id}/check (Idempotency-Key)",
      path: () => `/v1/verifications/${made[2]}/check`,
      body: { code },
      headers: { "idempotency-key": "two" },
      asks: "redis libsql libsql | libsql",
      budget: [14, 6200, 40, 26],
    },
    {
      route: "POST /v1/verifications/{id}/cancel",
      path: () => `/v1/verifications/${made[0]}/cancel`,
      arrange: () => edge().sql("UPDATE message SET status = 'sent' WHERE verification_id = ?", [made[0] ?? ""]),
      asks: "redis libsql | qstash",
      budget: [11, 4400, 50, 13],
    },
    {
      route: "POST /v1/verifications/{id}/approve",
      path: () => `/v1/verifications/${made[1]}/approve`,
      body: { reason: "known to us" },
      asks: "redis libsql",
      budget: [10, 3800, 46, 23],
    },
    {
      route: "POST /v1/verifications (inbound)",
      body: { to: numbers[4], mode: "inbound" },
      asks: "redis libsql",
      budget: [14, 12_800, 77, 20],
    },
  ];
}
