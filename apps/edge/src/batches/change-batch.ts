import { AppError, type Batch } from "@sandi/contracts";
import type { Queries } from "@sandi/libsql";
import { sql } from "kysely";
import { type Tenant, tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import type { Db } from "../db/schema.ts";
import { appendJob } from "../jobs/append-job.ts";
import { publishStored } from "../jobs/publish-soon.ts";
import { commitAs } from "../writes/commit-as.ts";
import { advance } from "./advance.ts";
import { batchJobs } from "./jobs.ts";
import { toBatch } from "./present.ts";
import { findOwn, selectBatch } from "./repository.ts";

interface Change {
  id: string;
  tenant: Tenant;
  at: number;
}

const own = ({ id, tenant: { workspaceId, test } }: Change) =>
  sql<boolean>`batch.id = ${id} AND batch.workspace_id = ${workspaceId} AND batch.test = ${test}`;

/** Makes no more messages, and holds those that no connector has claimed. */
const pause = (_: Db, change: Change): Queries =>
  sql`UPDATE batch SET status = 'paused', due_at = ${change.at}, updated_at = ${change.at}
    WHERE ${own(change)} AND status IN ('scheduled', 'running')`;

/** Goes on: cron queues the messages that were held, for the sessions that are the best ones then. */
const resume = (db: Db, change: Change): Queries => {
  const { id, at } = change;
  return {
    held: sql`UPDATE message SET due_at = ${at} WHERE batch_id = ${id} AND status = 'scheduled' AND due_at = expires_at
      AND EXISTS (SELECT 1 FROM batch WHERE ${own(change)} AND status = 'paused')`,
    resumed: sql`UPDATE batch SET status = iif(send_at > ${at}, 'scheduled', 'running'),
      due_at = max(${at}, coalesce(send_at, 0)), updated_at = ${at} WHERE ${own(change)} AND status = 'paused'`,
    job: appendJob(db, batchJobs, { which: sql`${own(change)} AND batch.status IN ('scheduled', 'running')`, at }),
  };
};

/** Ends the batch at once; `advance` then cancels its messages. */
export const cancelStatements = (_: Db, { id, at }: Pick<Change, "id" | "at">): Queries => ({
  canceled: sql`UPDATE batch SET status = 'canceled', due_at = ${at}, ended_at = ${at}, updated_at = ${at},
    sealed_message = NULL WHERE id = ${id} AND status IN ('scheduled', 'running', 'paused')`,
  items: sql`UPDATE batch_item SET state = 'canceled', sealed = NULL WHERE batch_id = ${id} AND state = 'waiting'
    AND EXISTS (SELECT 1 FROM batch WHERE id = ${id} AND status = 'canceled')`,
});

const changes = {
  pause: { statements: pause, endsAs: undefined },
  resume: { statements: resume, endsAs: undefined },
  cancel: { statements: cancelStatements, endsAs: "canceled" },
} as const;

/** Rounds of work that the answer waits for; cron does the rest. */
const roundsBeside = 8;

/** Pauses, resumes or cancels a batch. To do it again changes nothing. */
export async function changeBatch(ctx: Context, id: string, name: keyof typeof changes): Promise<Batch> {
  const { services, actor } = ctx;
  const { db } = services;
  const at = services.now().getTime();
  const tenant = tenantOf(actor);
  const { statements, endsAs } = changes[name];
  const before = await findOwn(db, tenant, id);
  if (!before) throw new AppError("batch-not-found");
  const isEnded = before.status === "finished" || before.status === "canceled";
  if (isEnded && before.status !== endsAs)
    throw new AppError("batch-ended", { detail: `The batch is ${before.status}.` });
  await commitAs(ctx, { writes: statements(db, { id, tenant, at }) });
  if (name !== "resume") await advance(services, id, roundsBeside);
  const viewer = { now: services.now().getTime(), scopes: actor.scopes };
  const row = await selectBatch(db, tenant, { id, viewer }).executeTakeFirst();
  if (!row) throw new AppError("batch-not-found");
  if (name === "resume") services.waitUntil(publishStored(services, batchJobs, [id]));
  return toBatch(row);
}
