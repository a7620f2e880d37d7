import { createMiddleware } from "hono/factory";
import { wakeFeed } from "../feed/feeds.ts";
import type { AppEnv } from "../http/app-env.ts";
import type { Services } from "../services.ts";
import { fanOutSoon } from "./fan-out.ts";

/** A workspace in which something was written. */
interface Written {
  workspaceId: string;
  /** There may be events whose deliveries are not stored. */
  isBehind: boolean;
}

/** Streams of this isolate read new events at once, and webhooks get them. Streams of other isolates read every second. */
export function showNewEvents(services: Services, written: readonly Written[]): void {
  const at = services.now().getTime();
  for (const { workspaceId } of written) wakeFeed(services.feeds, workspaceId, at);
  fanOutSoon(
    services,
    written.flatMap(({ workspaceId, isBehind }) => (isBehind ? [workspaceId] : [])),
  );
}

/** A wrong code is refused with it, and is an event. Other refused requests store nothing. */
const wrongCode = 422;

/** Shows the events of a request with a key. Webhooks get those of pages and hooks by cron. */
export const showsNewEvents = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  const ctx: AppEnv["Variables"]["ctx"] | undefined = c.get("ctx");
  if (c.req.method === "GET" || !ctx) return;
  const { workspaceId, hasWebhooks = false } = ctx.actor;
  showNewEvents(ctx.services, [{ workspaceId, isBehind: hasWebhooks && (c.res.ok || c.res.status === wrongCode) }]);
});
