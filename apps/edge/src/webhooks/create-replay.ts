import { AppError, type CreateWebhookReplay, type WebhookReplay } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import type { Db } from "../db/schema.ts";
import type { ReplayTable } from "../db/tables/deliveries.ts";
import type { Accepted, IdempotencyKey } from "../http/idempotency/create.ts";
import { appendJob } from "../jobs/append-job.ts";
import { publishStored } from "../jobs/publish-soon.ts";
import { newId } from "../services.ts";
import { createAudited } from "../writes/create-audited.ts";
import { type ReplaySettings, toReplay } from "./present-replay.ts";
import { replayJobs } from "./replay-jobs.ts";
import { findReadableWebhook } from "./readable-webhook.ts";
import { selectReplays } from "./repository.ts";

interface Input {
  webhookId: string;
  input: CreateWebhookReplay;
  idempotencyKey: IdempotencyKey | undefined;
}

/** So many replays of a webhook may run at a time. */
const replayLimit = 5;

/** Begins to queue events for a webhook again. What is stored after now comes in the usual way. */
export async function createReplay(
  ctx: Context,
  { webhookId, input, idempotencyKey }: Input,
  limit = replayLimit,
): Promise<Accepted<WebhookReplay>> {
  const { services, actor } = ctx;
  const { db, random } = services;
  const { workspaceId } = actor;
  await findReadableWebhook(ctx, webhookId);
  const at = services.now().getTime();
  const id = newId(services, "rpl");
  const { createdAfter, createdBefore, types = null, status = null } = input;
  const [high = 0, low = 0] = random(2);
  const settings: ReplaySettings = {
    createdAfter,
    createdBefore,
    types,
    status,
    times: at * 4096 + (high % 16) * 256 + low,
  };
  const { after, until } = await rangeOf(db, workspaceId, { webhookId, createdAfter, createdBefore });
  return createAudited(ctx, {
    kind: "webhook_replay",
    detail: { webhookId, createdAfter, createdBefore, types, status },
    limit,
    count: sql<number>`(SELECT count(*) FROM replay WHERE endpoint_id = ${webhookId} AND finished_at IS NULL)`,
    table: "replay",
    id,
    at,
    idempotencyKey,
    find: (made) => selectReplays(db, workspaceId).where("id", "=", made),
    writes: (mayInsert) => ({
      replay: sql`INSERT INTO replay (id, workspace_id, endpoint_id, after_seq, until_seq, settings, due_at, created_at)
        SELECT ${id}, ${workspaceId}, ${webhookId}, ${after}, ${until}, ${JSON.stringify(settings)}, ${at}, ${at}
        WHERE ${mayInsert} AND EXISTS (SELECT 1 FROM endpoint WHERE id = ${webhookId})`,
      job: appendJob(db, replayJobs, { which: sql`replay.id = ${id}`, at }),
    }),
    refuse: () =>
      new AppError("replay-limit-reached", { detail: `At most ${limit} replays of a webhook run at a time.` }),
    present: (row: ReplayTable) => toReplay(row),
    publish: (row) => services.waitUntil(publishStored(services, replayJobs, [row.id])),
    gone: "replay-not-found",
  });
}

/** More events than this are not looked at to find the range. */
const mostLookedAt = 5_000;

interface Asked {
  webhookId: string;
  createdAfter: string;
  createdBefore: string;
}

/**
 * The range of `seq` to look at. `seq` is the order in which events were stored, which differs a little from the order in
 * which they happened. A short time has few events, and they give the range; for a long one all are looked at.
 */
async function rangeOf(db: Db, workspaceId: string, { webhookId, createdAfter, createdBefore }: Asked) {
  const happened = sql`SELECT seq, workspace_id FROM event INDEXED BY event_at
    WHERE at >= ${Date.parse(createdAfter)} AND at < ${Date.parse(createdBefore)} LIMIT ${mostLookedAt + 1}`;
  const { found, newest } = await db.read({
    found: sql<{ looked: number; first: number | null; last: number | null }>`SELECT count(*) AS looked,
        min(iif(workspace_id = ${workspaceId}, seq, NULL)) AS first, max(iif(workspace_id = ${workspaceId}, seq, NULL)) AS last
      FROM (${happened})`,
    // Events behind the workspace's position are delivered to the webhook anyway.
    newest: sql<{ seq: number }>`SELECT max(from_seq, coalesce((SELECT seq FROM webhook_position
        WHERE workspace_id = ${workspaceId}), 0)) AS seq FROM endpoint WHERE id = ${webhookId}`,
  });
  const until = newest.rows[0]?.seq ?? 0;
  const { looked = 0, first = null, last = null } = found.rows[0] ?? {};
  if (looked > mostLookedAt) return { after: 0, until };
  return first === null ? { after: until, until } : { after: first - 1, until: Math.min(until, last ?? until) };
}
