import type { Call } from "./call.ts";

export const auditCalls: Call[] = [{ route: "GET /v1/audit", asks: "redis libsql", budget: [5, 500, 86, 0] }];
