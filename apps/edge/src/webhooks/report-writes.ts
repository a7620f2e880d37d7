import { createMiddleware } from "hono/factory";
import type { AppEnv } from "../http/app-env.ts";
import { fanOutSoon } from "./fan-out.ts";

/** Stores the deliveries of the events that a request has caused. The events of pages, hooks and refused requests wait for cron. */
export const reportWrites = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  const ctx: AppEnv["Variables"]["ctx"] | undefined = c.get("ctx");
  if (c.req.method !== "GET" && c.res.ok && ctx?.actor.hasEndpoints) fanOutSoon(ctx.services, [ctx.actor.workspaceId]);
});
