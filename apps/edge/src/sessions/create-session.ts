import { AppError, type Session } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import type { Accepted, IdempotencyKey } from "../http/idempotency/create.ts";
import { appendJob } from "../jobs/append-job.ts";
import { publishSoon } from "../jobs/publish-soon.ts";
import { defaultPoolOf, hasPool, noPool, selectPools } from "../pools/repository.ts";
import { newId } from "../services.ts";
import { sessionJobs } from "./jobs.ts";
import { selectSessions, toSession } from "./repository.ts";
import { createAudited } from "../writes/create-audited.ts";

interface Input {
  name: string;
  /** The default pool if left out. */
  poolId?: string | undefined;
  idempotencyKey: IdempotencyKey | undefined;
}

const first = { desired: "running", revision: 1, publishCount: 1, proxySealed: null, mediaDownload: null } as const;

/** The limit of sessions in a workspace, without deleted ones. */
const sessionLimit = 50;

/** Creates a session with the desired state `running`. A connector takes it and shows QR codes. */
export async function createSession(
  ctx: Context,
  { name, poolId: asked, idempotencyKey }: Input,
  limit = sessionLimit,
): Promise<Accepted<Session>> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  const poolId = asked ?? defaultPoolOf(workspaceId);
  const at = services.now().getTime();
  const id = newId(services, "ses");
  return createAudited(ctx, {
    kind: "session",
    detail: { name, poolId },
    limit,
    count: sql`(SELECT count(*) FROM session WHERE workspace_id = ${workspaceId} AND desired <> 'deleted')`,
    table: "session",
    id,
    at,
    idempotencyKey,
    find: (made) => selectSessions(db, workspaceId, at).where("id", "=", made),
    writes: (mayInsert) => [
      sql`INSERT INTO session (id, workspace_id, name, state, reason, desired, revision, created_at, updated_at, pool_id)
        SELECT ${id}, ${workspaceId}, ${name}, 'stopped', 'created', 'running', 1, ${at}, ${at}, ${poolId}
        WHERE ${mayInsert} AND ${hasPool(workspaceId, poolId)}`,
      appendJob(db, sessionJobs, { which: sql`session.id = ${id}`, at }),
    ],
    // A connector may already have the session, so the deletion is published to it.
    undo: () => [
      sql`UPDATE session SET desired = 'deleted', revision = revision + 1
        WHERE id = ${id} AND workspace_id = ${workspaceId} AND desired <> 'deleted'`,
      appendJob(db, sessionJobs, { which: sql`session.id = ${id}`, at }),
    ],
    refuse: async () => {
      const pool = await selectPools(db, workspaceId).where("id", "=", poolId).executeTakeFirst();
      if (!pool) return noPool("/poolId");
      const detail = `A workspace has at most ${limit} sessions. Delete a session that you do not need.`;
      return new AppError("session-limit-reached", { detail });
    },
    present: toSession,
    publish: () => publishSoon(services, sessionJobs, [{ id, workspaceId, ...first }]),
    gone: "session-not-found",
  });
}
