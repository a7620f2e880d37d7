import type { Call } from "./call.ts";

export const publicDocumentCalls: Call[] = [
  { route: "GET /.well-known/jwks.json", asks: "" },
  { route: "GET /", asks: "" },
  { route: "GET /health", asks: "" },
  { route: "GET /openapi.json", asks: "" },
  { route: "GET /docs", asks: "" },
  { route: "GET /problems", asks: "" },
];
