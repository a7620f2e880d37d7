import { AppError, type Batch, type CreateBatch, maxFieldErrors } from "@sandi/contracts";
import { phoneHash } from "@sandi/crypto";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import { hashScope, type Tenant, tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import type { Db } from "../db/schema.ts";
import type { Accepted, IdempotencyKey } from "../http/idempotency/create.ts";
import { appendJob } from "../jobs/append-job.ts";
import { publishStored } from "../jobs/publish-soon.ts";
import { bringsMedia, replayBeforeMedia } from "../messages/attach-media.ts";
import { keptPhone, maskOf, toOf } from "../messages/recipient.ts";
import { timeOf } from "../messages/schedule.ts";
import { senderOf } from "../messages/sender-of.ts";
import { newId } from "../services.ts";
import { selectCandidate } from "../sessions/pick.ts";
import { createOnce } from "../writes/create-once.ts";
import { areThere, type Filed, holdFiles, withFiles } from "./files.ts";
import { sealItem, sealMessage } from "./items.ts";
import { batchJobs } from "./jobs.ts";
import { cancelStatements } from "./change-batch.ts";
import { toBatch } from "./present.ts";
import { readBatch } from "./read-batch.ts";
import { selectBatch } from "./repository.ts";

/** The most batches of a workspace that have not ended. */
const mostOpen = 100;
const rowsPerStatement = 250;
const gone = "batch-not-found";

/** Accepts a batch: all its recipients are stored, sealed, or none. Messages are made of them later, a few at a time. */
export async function createBatch(
  ctx: Context,
  { body, idempotencyKey }: { body: CreateBatch; idempotencyKey: IdempotencyKey | undefined },
): Promise<Accepted<Batch>> {
  const { services, actor } = ctx;
  const { db } = services;
  const at = services.now().getTime();
  const tenant = tenantOf(actor);
  const { workspaceId } = tenant;
  const { recipients, duplicates, errors } = readBatch(actor, body);
  if (errors.length > 0) throw new AppError("invalid-request", { errors: errors.slice(0, maxFieldErrors) });
  const sendAt = timeOf(body.sendAt, at);
  const find = (made: string) => selectBatch(db, tenant, { id: made, viewer: { now: at, scopes: actor.scopes } });
  if (body.message && bringsMedia(body.message)) {
    const render = async (made: string) => {
      const row = await find(made).executeTakeFirst();
      if (!row) throw new AppError(gone);
      return toBatch(row);
    };
    const replayed = await replayBeforeMedia(services, workspaceId, { idempotencyKey, at, render });
    if (replayed) return replayed;
  }
  const input = { body, idempotencyKey, sendAt, duplicates, at };
  return withFiles(ctx, { message: body.message, recipients }, (filed) => storeBatch(ctx, input, filed));
}

interface Input {
  body: CreateBatch;
  idempotencyKey: IdempotencyKey | undefined;
  sendAt: number | null;
  duplicates: number;
  at: number;
}

async function storeBatch(ctx: Context, input: Input, filed: Filed): Promise<Accepted<Batch>> {
  const { services, actor } = ctx;
  const { db } = services;
  const { body, idempotencyKey, sendAt, duplicates, at } = input;
  const { message, recipients, files } = filed;
  const tenant = tenantOf(actor);
  const { workspaceId } = tenant;
  const id = newId(services, "bat");
  const { sessionId, poolId, name } = body;
  const route = { sessionId, poolId };
  const [sealedMessage, rows] = await Promise.all([
    message ? sealMessage(services, { workspaceId, batchId: id }, message) : null,
    Promise.all(recipients.map((recipient, position) => rowOf(ctx, { batchId: id, tenant, position, recipient }))),
  ]);
  const hasSender = sql<boolean>`EXISTS (SELECT 1 FROM ${senderOf(tenant).pick({ workspaceId, route, toHash: "", at })})`;
  const open = sql`(SELECT count(*) FROM batch WHERE workspace_id = ${workspaceId} AND ended_at IS NULL)`;
  const insert = (isFirst: RawBuilder<boolean>) =>
    sql`INSERT INTO batch (id, workspace_id, test, name, status, session_id, pool_id, sealed_message, lifetime_ms,
        recipients, duplicates, send_at, due_at, created_by, created_at, updated_at)
      SELECT ${id}, ${workspaceId}, ${tenant.test}, ${name ?? null}, ${sendAt === null ? "running" : "scheduled"},
        ${sessionId ?? null}, ${poolId ?? null}, ${sealedMessage}, ${body.expiresIn * 1000}, ${recipients.length},
        ${duplicates}, ${sendAt}, ${sendAt ?? at}, ${actor.by.id}, ${at}, ${at}
      WHERE ${isFirst} AND ${hasSender} AND ${open} < ${mostOpen} AND ${areThere(tenant, { files, at })}`;

  return createOnce(services, workspaceId, {
    table: "batch",
    id,
    caller: ctx,
    at,
    idempotencyKey,
    find: (made) => selectBatch(db, tenant, { id: made, viewer: { now: at, scopes: actor.scopes } }),
    writes: (isFirst) => ({
      batch: insert(isFirst),
      items: insertItems(db, id, rows),
      files: holdFiles(db, { batchId: id, files, isStored: sql`EXISTS (SELECT 1 FROM batch WHERE id = ${id})` }),
      job: appendJob(db, batchJobs, {
        which: sql`batch.id = ${id}`,
        at,
        ...(sendAt === null ? {} : { publishAfter: sendAt }),
      }),
    }),
    undo: () => cancelStatements(db, { id, at }),
    facts: {
      candidate: selectCandidate(db, workspaceId, { route, at }),
      counted: sql<{
        open: number;
        areThere: 0 | 1;
      }>`SELECT ${open} AS open, ${areThere(tenant, { files, at })} AS are_there`,
    },
    refuse: ({ candidate: [found], counted: [count] }) => {
      const refusal = senderOf(tenant).refusalOf(route, found, { opensChat: false });
      if (refusal) return refusal;
      if ((count?.open ?? 0) >= mostOpen) {
        return new AppError("batch-limit-reached", { detail: `A workspace has at most ${mostOpen} of them.` });
      }
      if (count?.areThere === 0) return new AppError("media-not-found");
      return new AppError("database-unavailable", { retryAfter: 1 });
    },
    present: toBatch,
    publish: () => {
      if (sendAt === null) services.waitUntil(publishStored(services, batchJobs, [id]));
    },
    gone,
  });
}

interface Place {
  batchId: string;
  tenant: Tenant;
  position: number;
  recipient: Filed["recipients"][number];
}

/** The columns of a recipient's row. */
async function rowOf({ services }: Context, { batchId, tenant, position, recipient }: Place) {
  const { to, metadata, variables, content } = recipient;
  const item = { to: toOf(to), metadata, variables, content };
  const [toHash, sealed] = await Promise.all([
    phoneHash(services.phoneKey, hashScope(tenant), toOf(to)),
    sealItem(services, { workspaceId: tenant.workspaceId, batchId }, { position, item }),
  ]);
  return [position, tenant.workspaceId, toHash, to.address ? maskOf(to.address) : keptPhone(to.phone).masked, sealed];
}

/** Stores the recipients, if the batch is stored. */
function insertItems(db: Db, batchId: string, rows: readonly unknown[]): CompiledQuery[] {
  const statements: CompiledQuery[] = [];
  for (let from = 0; from < rows.length; from += rowsPerStatement) {
    const some = JSON.stringify(rows.slice(from, from + rowsPerStatement));
    statements.push(
      sql`INSERT INTO batch_item (batch_id, position, workspace_id, to_hash, to_masked, sealed, state)
        SELECT ${batchId}, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, 'waiting'
        FROM json_each(${some}) WHERE EXISTS (SELECT 1 FROM batch WHERE id = ${batchId})`.compile(db.kysely),
    );
  }
  return statements;
}
