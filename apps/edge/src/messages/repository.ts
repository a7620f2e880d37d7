import type { MessageType } from "@sandi/contracts";
import { sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { hasNoResponse, type IdempotencyKey } from "../http/idempotency/create.ts";
import type { Tenant } from "../auth/tenant.ts";
import { pacingOfRow } from "./jobs.ts";
import { moveMessages } from "./life.ts";
import type { MessageRow } from "./present.ts";
import { settleSandbox } from "./sandbox.ts";

const columns = [
  "id",
  "sessionId",
  "toMasked",
  "type",
  "status",
  "failure",
  "sentAt",
  "deliveredAt",
  "readAt",
  "createdAt",
  "expiresAt",
  "noAccountAt",
  "updatedAt as messageUpdatedAt",
] as const;

export async function findMessage(db: Db, tenant: Tenant, id: string, at: number): Promise<MessageRow | undefined> {
  if (tenant.test === 1) await db.write(settleSandbox(db, tenant.workspaceId, at));
  return selectMessage(db, tenant, id).executeTakeFirst();
}

/** A message that was asked for as such: those that carry codes belong to their verification. */
export function selectMessage(db: Db, { workspaceId, test }: Tenant, id: string) {
  return db.kysely
    .selectFrom("message")
    .select(columns)
    .select(pacingOfRow.as("pacing"))
    .where("workspaceId", "=", workspaceId)
    .where("id", "=", id)
    .where("test", "=", test)
    .where("verificationId", "is", null)
    .$narrowType<{ type: MessageType }>();
}

/** After a write without an answer: takes the message's id away, so that a write under way cannot land, unless it has. */
export function blockMessage(db: Db, workspaceId: string, { id, now }: { id: string; now: number }) {
  return sql`${voided(workspaceId, id, now)} ON CONFLICT (id) DO NOTHING`.compile(db.kysely);
}

/** As `blockMessage`, and what has landed is canceled: `changes() = 1` behind it. Not if a repetition was answered. */
export function withdrawMessage(
  db: Db,
  workspaceId: string,
  { id, now, idempotencyKey }: { id: string; now: number; idempotencyKey: IdempotencyKey | undefined },
) {
  return [
    blockMessage(db, workspaceId, { id, now }),
    moveMessages(db, "cancel", { which: sql`id = ${id} AND ${hasNoResponse(workspaceId, idempotencyKey)}`, at: now }),
  ];
}

const voided = (workspaceId: string, id: string, now: number) => sql`INSERT INTO message (id, workspace_id, session_id,
    to_masked, status, expires_at, created_at, updated_at)
  VALUES (${id}, ${workspaceId}, '', '', 'canceled', ${now}, ${now}, ${now})`;
