import { AppError, type ChangeSession, type MediaDownload, type Session } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import { audited } from "../audit/statement.ts";
import { hasPool, noPool } from "../pools/repository.ts";
import { appendJob } from "../jobs/append-job.ts";
import { publishSoon } from "../jobs/publish-soon.ts";
import { commitAs } from "../writes/commit-as.ts";
import { sessionJobs } from "./jobs.ts";
import { selectSessions, toSession } from "./repository.ts";

interface Input {
  id: string;
  change: ChangeSession;
}

/** Gives a session another name, pool or setting. The same request again changes nothing. */
export async function changeSession(ctx: Context, { id, change }: Input): Promise<Session> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  const { name, poolId, settings } = change;
  const at = services.now().getTime();
  const isThere = poolId === undefined ? sql`true` : hasPool(workspaceId, poolId);
  const set = (column: "name" | "pool_id", to: string, action: string) => [
    sql`UPDATE session SET ${sql.raw(column)} = ${to}, updated_at = ${at}
      WHERE id = ${id} AND workspace_id = ${workspaceId} AND desired <> 'deleted' AND ${sql.raw(column)} <> ${to}
        AND ${isThere}`,
    audited(ctx, {
      action,
      target: id,
      detail: { [column === "name" ? "name" : "poolId"]: { to } },
      at,
      when: sql`changes() > 0`,
    }),
  ];
  const {
    row: [row],
  } = await commitAs(ctx, {
    writes: {
      renamed: name === undefined ? [] : set("name", name, "session.renamed"),
      moved: poolId === undefined ? [] : set("pool_id", poolId, "session.moved"),
      settings:
        settings?.mediaDownload === undefined ? [] : setMediaDownload(ctx, { id, to: settings.mediaDownload, at }),
    },
    reads: {
      row: selectSessions(db, workspaceId, at)
        .select(["workspaceId", "revision", "ackedRevision", "proxySealed"])
        .where("id", "=", id),
    },
  });
  if (!row) throw new AppError("session-not-found");
  if (poolId !== undefined && row.poolId !== poolId) throw noPool("/poolId");
  const isUnknown = row.ackedRevision < row.revision;
  if (settings !== undefined && isUnknown) publishSoon(services, sessionJobs, [{ ...row, publishCount: 1 }]);
  return toSession(row);
}

/** A setting is part of the desired state: it has a revision, and a job tells the connectors. */
function setMediaDownload(ctx: Context, { id, to, at }: { id: string; to: MediaDownload; at: number }) {
  const { db } = ctx.services;
  const isChanged = sql<boolean>`session.id = ${id} AND session.workspace_id = ${ctx.actor.workspaceId}
    AND session.desired <> 'deleted' AND coalesce(session.media_download, 'all') <> ${to}`;
  return [
    appendJob(db, sessionJobs, { which: isChanged, at }),
    sql`UPDATE session SET media_download = ${to}, revision = revision + 1, updated_at = ${at} WHERE ${isChanged}`,
    audited(ctx, {
      action: "session.settings_changed",
      target: id,
      detail: { mediaDownload: { to } },
      at,
      when: sql`changes() > 0`,
    }),
  ];
}
