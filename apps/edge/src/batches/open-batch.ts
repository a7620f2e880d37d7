import { Quota } from "@sandi/contracts";
import { type CompiledQuery, sql } from "kysely";
import type { Actor } from "../actor.ts";
import type { Db } from "../db/schema.ts";
import type { BatchTable } from "../db/tables/batches.ts";
import { readPolicy } from "../stored-policy.ts";

/** How long one worker holds the lease of a batch. */
const leaseMs = 60_000;

/** A batch that needs work, with its workspace. */
export type OpenBatch = Pick<
  BatchTable,
  | "id"
  | "workspaceId"
  | "test"
  | "status"
  | "sessionId"
  | "poolId"
  | "sealedMessage"
  | "lifetimeMs"
  | "sendAt"
  | "createdBy"
  | "createdAt"
> & { leasedUntil: number; workspaceName: string; workspaceCreatedAt: number; policy: string; quota: string };

const ofWorkspace = (column: string) => sql`(SELECT ${sql.ref(column)} FROM workspace w WHERE w.id = workspace_id)`;

/** Takes a batch that is due; no row if it is not. A scheduled batch begins. */
export const takeBatch = (db: Db, id: string, at: number): CompiledQuery<OpenBatch> =>
  sql<OpenBatch>`UPDATE batch SET due_at = ${at + leaseMs}, status = iif(status = 'scheduled', 'running', status)
    WHERE id = ${id} AND due_at <= ${at}
    RETURNING id, workspace_id, test, status, session_id, pool_id, sealed_message, lifetime_ms, send_at, created_by, created_at,
      due_at AS leased_until, ${ofWorkspace("w.name")} AS workspace_name, ${ofWorkspace("w.created_at")} AS workspace_created_at,
      ${ofWorkspace("w.policy")} AS policy, ${ofWorkspace("w.quota")} AS quota`.compile(db.kysely);

/** Says when it needs work next, unless somebody else has it, or a request has changed it. */
export const returnBatch = (db: Db, { id, leasedUntil }: OpenBatch, dueAt: number | null): CompiledQuery =>
  sql`UPDATE batch SET due_at = ${dueAt} WHERE id = ${id} AND due_at = ${leasedUntil}`.compile(db.kysely);

/** Who sends the messages of a batch: its key, with the policy and the quota of today. */
export const actorOf = (batch: OpenBatch): Actor => ({
  by: { kind: "key", id: batch.createdBy },
  workspaceId: batch.workspaceId,
  workspaceName: batch.workspaceName,
  workspaceCreatedAt: batch.workspaceCreatedAt,
  policy: readPolicy(batch.policy),
  quota: Quota.parse(JSON.parse(batch.quota)),
  environment: batch.test === 1 ? "test" : "live",
  scopes: new Set(),
  ipAllowList: [],
  expiresAt: null,
});
