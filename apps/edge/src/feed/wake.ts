import { createMiddleware } from "hono/factory";
import type { AppEnv } from "../http/app-env.ts";
import type { Services } from "../services.ts";
import { wakeFeed } from "./feeds.ts";

/** After a change over the API, the workspace's streams in this isolate read at once. Elsewhere they read every second. */
export const wakesStreams = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  const actor = c.get("ctx")?.actor;
  if (c.req.method === "GET" || !actor) return;
  const { feeds, now } = c.env.services;
  wakeFeed(feeds, actor.workspaceId, now().getTime());
});

/** The same after events of connectors. The database is asked for the workspaces only if this isolate has streams. */
export function wakeStreamsOf(services: Services, events: readonly { sessionId: string }[]): void {
  const { db, feeds, now, waitUntil } = services;
  if (feeds.byWorkspace.size === 0 || events.length === 0) return;
  const wake = async () => {
    // Without a tenant: connectors report for all workspaces.
    const rows = await db.kysely
      .selectFrom("session")
      .select("workspaceId")
      .distinct()
      .where("id", "in", [...new Set(events.map(({ sessionId }) => sessionId))])
      .execute();
    for (const { workspaceId } of rows) wakeFeed(feeds, workspaceId, now().getTime());
  };
  // The streams read within a second, also without this.
  waitUntil(wake().catch(() => undefined));
}
