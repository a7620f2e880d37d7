import { AppError, proxyAddress, sealedFor, type Session } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import { proxyIncidents } from "../alerts/session-incidents.ts";
import { audited } from "../audit/statement.ts";
import type { SessionTable } from "../db/tables/sessions.ts";
import { appendJob } from "../jobs/append-job.ts";
import { publishSoon } from "../jobs/publish-soon.ts";
import { commitAs } from "../writes/commit-as.ts";
import { sessionJobs } from "../sessions/jobs.ts";
import { findSession, toSession } from "../sessions/repository.ts";

interface Change {
  id: string;
  /** Null: without a proxy. */
  url: string | null;
}

/**
 * Connects a session through another proxy, or without one. The proxy's address can be shown. Its URL may hold a
 * password, so it is sealed to the connector.
 */
export async function changeProxy(ctx: Context, { id, url }: Change): Promise<Session> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  const at = services.now().getTime();
  const address = url === null ? null : (proxyAddress(url) ?? null);
  const shown = address && JSON.stringify(address);
  const sealed = url === null ? null : await services.seal({ url }, sealedFor.proxy(id, workspaceId));
  const own = sql<boolean>`id = ${id} AND workspace_id = ${workspaceId}`;
  const committed = await commitAs(ctx, {
    requires: sql`EXISTS (SELECT 1 FROM session WHERE ${own} AND desired <> 'deleted'
      AND (proxy IS NOT NULL OR ${shown} IS NOT NULL))`,
    writes: {
      incidents: url === null ? proxyIncidents(db, null, { isNews: own, at }) : [],
      changed: sql`UPDATE session SET proxy = ${shown}, proxy_sealed = ${sealed}, proxy_healthy = NULL, proxy_at = ${at},
          revision = revision + 1, updated_at = ${at} WHERE ${own}`,
      audit: audited(ctx, { action: "session.proxy_changed", target: id, detail: { proxy: { to: address } }, at }),
      job: appendJob(db, sessionJobs, { which: sql`session.id = ${id}`, at }),
    },
    reads: { row: sql<SessionTable>`SELECT * FROM session WHERE ${own}` },
  });
  for (const row of committed?.row ?? []) publishSoon(services, sessionJobs, [{ ...row, publishCount: 1 }]);
  const session = await findSession(db, workspaceId, { id, at });
  if (!session) throw new AppError("session-not-found");
  return toSession(session);
}
