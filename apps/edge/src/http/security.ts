import { createMiddleware } from "hono/factory";
import { newId } from "../services.ts";
import type { AppEnv } from "./app-env.ts";

/** Sets the request id, and the headers of every answer. */
export const secured = createMiddleware<AppEnv>(async (c, next) => {
  const requestId = newId(c.env.services, "req");
  c.set("requestId", requestId);
  await next();
  const { headers } = c.res;
  headers.set("X-Request-Id", requestId);
  const rateLimit = c.get("rateLimit");
  if (rateLimit) {
    headers.set("RateLimit-Policy", rateLimit.policy);
    headers.set("RateLimit", rateLimit.state);
  }
  headers.set("X-Content-Type-Options", "nosniff");
  headers.set("Referrer-Policy", "no-referrer");
  headers.set("Strict-Transport-Security", "max-age=31536000; includeSubDomains");
  headers.set(
    "Content-Security-Policy",
    c.get("contentSecurityPolicy") ?? "default-src 'none'; frame-ancestors 'none'",
  );
  if (!headers.has("Cross-Origin-Resource-Policy")) headers.set("Cross-Origin-Resource-Policy", "same-origin");
  if (!headers.has("Cache-Control")) headers.set("Cache-Control", "no-store");
});
