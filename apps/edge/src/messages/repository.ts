import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { Tenant } from "../auth/tenant.ts";
import { pacingOfRow } from "./jobs.ts";
import type { MessageRow } from "./present.ts";
import { releaseInSandbox } from "./release.ts";
import { readCurrent, senderOf } from "./sender-of.ts";

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
  "lane",
  "metadata",
  "sendAt",
  "queuedAt",
  "playedAt",
  "batchId",
  "direction",
  "origin",
  "chatId",
  "personId",
  "fromMasked",
  "editedAt",
  "isForwarded",
  "isViewOnce",
  "isOffline",
  "deletedAt",
] as const;

/** A column, or `column as name`, in SQL. */
function selected(column: string) {
  const [name = "", alias] = column.split(" as ");
  return alias === undefined ? sql.ref(name) : sql`${sql.ref(name)} AS ${sql.ref(alias)}`;
}

/** What the sandbox does by now, before its messages are read or changed; nothing for live messages. */
export const settleDue = (db: Db, tenant: Tenant, at: number): CompiledQuery[] => [
  ...(tenant.test === 1 ? releaseInSandbox(db, at, tenant.workspaceId) : []),
  ...senderOf(tenant).settle(db, tenant.workspaceId, at),
];

export async function findMessage(db: Db, tenant: Tenant, id: string, at: number): Promise<MessageRow | undefined> {
  const [row] = await readMessages(db, tenant, { select: selectMessage(db, tenant, id).compile(), at });
  return row;
}

/** Rows about messages as they are now. */
export const readMessages = <Row>(
  db: Db,
  tenant: Tenant,
  { select, at }: { select: CompiledQuery<Row>; at: number },
): Promise<Row[]> => readCurrent(db, settleDue(db, tenant, at), select);

/** A message of `POST /v1/messages`. Messages with codes are not found: they belong to their verification. */
export function selectMessage(db: Db, { workspaceId, test }: Tenant, id: string) {
  return db.kysely
    .selectFrom("message")
    .select(columns)
    .select(pacingOfRow.as("pacing"))
    .where("workspaceId", "=", workspaceId)
    .where("id", "=", id)
    .where("test", "=", test)
    .where("verificationId", "is", null)
    .$castTo<MessageRow>();
}

/** The rows of a session's messages by id. Codes are not among them. */
export async function findMessagesOf(
  db: Db,
  { workspaceId, sessionId, ids }: { workspaceId: string; sessionId: string; ids: readonly string[] },
): Promise<MessageRow[]> {
  if (ids.length === 0) return [];
  return db.kysely
    .selectFrom("message")
    .select(columns)
    .select(pacingOfRow.as("pacing"))
    .where("id", "in", ids)
    .where("workspaceId", "=", workspaceId)
    .where("sessionId", "=", sessionId)
    .where("verificationId", "is", null)
    .$castTo<MessageRow>()
    .execute();
}

/** A message that an event is about. */
export type EventMessageRow = Omit<MessageRow, "pacing"> & { verificationId: string | null };

/** Messages by id, for events about them: those with codes and those of the sandbox are among them. */
export const selectOfEvents = (db: Db, workspaceId: string, ids: readonly string[]) =>
  sql<EventMessageRow>`SELECT ${sql.join(columns.map(selected))}, verification_id FROM message
    WHERE message.id IN (SELECT value FROM json_each(${JSON.stringify(ids)})) AND message.workspace_id = ${workspaceId}`.compile(
    db.kysely,
  );

/** The messages of a batch, newest first. */
export const selectOfBatch = (
  db: Db,
  { workspaceId, test }: Tenant,
  { batchId, before, limit }: { batchId: string; before: string; limit: number },
) =>
  sql<MessageRow>`SELECT ${sql.join(columns.map(selected))}, ${pacingOfRow} AS pacing FROM message INDEXED BY message_batch
    WHERE message.batch_id = ${batchId} AND message.workspace_id = ${workspaceId} AND message.test = ${test}
      AND message.id < ${before} ORDER BY message.id DESC LIMIT ${limit}`.compile(db.kysely);

/** Messages by any condition, newest first, without those that the account deleted for itself. With `byNumber` the condition names hashes of numbers. */
export function selectMessages(
  db: Db,
  { workspaceId, test }: Tenant,
  { where, limit, byNumber }: { where: RawBuilder<unknown>; limit: number; byNumber: boolean },
) {
  const index = byNumber ? "message_text_to" : test === 1 ? "message_text_test" : "message_text";
  // A literal: the index of the sandbox's rows needs it.
  return sql<MessageRow>`SELECT ${sql.join(columns.map(selected))}, ${pacingOfRow} AS pacing
    FROM message INDEXED BY ${sql.ref(index)}
    WHERE message.workspace_id = ${workspaceId} AND message.verification_id IS NULL AND message.test = ${sql.lit(test)}
      AND message.deleted_at IS NULL AND ${where} ORDER BY message.id DESC LIMIT ${limit}`.compile(db.kysely);
}
