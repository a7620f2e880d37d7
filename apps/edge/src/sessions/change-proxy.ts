import { AppError, proxyAddress, sealedFor, type Session } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import { auditStatement } from "../audit/statement.ts";
import { isUnreachable } from "../db/failures.ts";
import type { SessionTable } from "../db/schema.ts";
import { writeAs } from "../writes/write-as.ts";
import { appendJob } from "../jobs/append-job.ts";
import { publishSoon } from "../jobs/publish-soon.ts";
import { newId } from "../services.ts";
import { sessionJobs } from "./jobs.ts";
import { findSession, toSession } from "./repository.ts";

interface Change {
  id: string;
  /** Null: from now on without one. */
  url: string | null;
}

/**
 * Sends a session through another proxy, or none, with a new connection. Where it is can be shown; how to use it is
 * sealed to the connector.
 */
export async function changeProxy(ctx: Context, { id, url }: Change): Promise<Session> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  const at = services.now().getTime();
  const address = url === null ? null : (proxyAddress(url) ?? null);
  const shown = address && JSON.stringify(address);
  const sealed = url === null ? null : await services.seal({ url }, sealedFor.proxy(id, workspaceId));
  const entry = { workspaceId, actor: actor.by.id, action: "session.proxy_changed", target: id, at } as const;
  let row: SessionTable | undefined;
  try {
    const [changed] = await writeAs(ctx, [
      sql<SessionTable>`UPDATE session SET proxy = ${shown}, proxy_sealed = ${sealed}, proxy_healthy = NULL, proxy_at = ${at},
          revision = revision + 1, updated_at = ${at}
        WHERE id = ${id} AND workspace_id = ${workspaceId} AND desired <> 'deleted'
          AND (proxy IS NOT NULL OR ${shown} IS NOT NULL) RETURNING *`.compile(db.kysely),
      auditStatement(db, { id: newId(services, "aud"), ...entry, detail: { proxy: { to: address } } }),
      appendJob(db, sessionJobs, { which: sql`session.id = ${id} AND session.proxy_at = ${at}`, at }),
    ]);
    row = changed.rows[0];
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    // Only the answer may have been lost: then the row has this proxy with this very time.
    row = await db.kysely
      .selectFrom("session")
      .selectAll()
      .where("workspaceId", "=", workspaceId)
      .where("id", "=", id)
      .where("proxyAt", "=", at)
      .executeTakeFirst();
    if (row?.proxySealed !== sealed) throw error;
  }
  if (row) publishSoon(services, sessionJobs, [{ ...row, publishCount: 1 }]);
  const session = await findSession(db, workspaceId, { id, at });
  if (!session) throw new AppError("session-not-found");
  return toSession(session);
}
