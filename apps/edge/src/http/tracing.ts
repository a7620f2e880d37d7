import { traceOf } from "@sandi/tracing";
import { createMiddleware } from "hono/factory";
import { routePath } from "hono/route";
import type { AppEnv } from "./app-env.ts";

/** Continues the caller's trace or begins one, and logs the request at its end. Only `/v1/` routes have spans. */
export const traced = createMiddleware<AppEnv>(async (c, next) => {
  const { services } = c.env;
  const { method, path } = c.req;
  const startedAt = services.now();
  const span = path.startsWith("/v1/")
    ? services.tracer.start(method, { parent: traceOf(c.req.raw.headers), kind: "server", startedAt })
    : undefined;
  c.set("trace", span?.context);
  await next();
  const { status } = c.res;
  const route = routePath(c, -1);
  const actor = c.get("ctx")?.actor;
  const keyId = actor?.by.id;
  const workspaceId = actor?.workspaceId;
  const ms = services.now().getTime() - startedAt.getTime();
  const traceId = span?.context.traceId;
  services.logRequest({ requestId: c.get("requestId"), method, route, status, ms, workspaceId, keyId, traceId });
  // Requests without a valid key or route are not exported.
  if (!span || status === 401 || route === "/*") return;
  span.set({
    "http.request.method": method,
    "http.route": route,
    "http.response.status_code": status,
    "sandi.request.id": c.get("requestId"),
    "sandi.workspace.id": workspaceId,
    "sandi.key.id": keyId,
  });
  span.end({ name: `${method} ${route}`, error: status >= 500 ? String(status) : undefined });
});
