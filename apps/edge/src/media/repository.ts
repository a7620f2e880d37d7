import { type RawBuilder, sql } from "kysely";
import type { Actor } from "../actor.ts";
import { type Tenant, tenantOf } from "../auth/tenant.ts";
import type { Db } from "../db/schema.ts";
import type { MediaTable } from "../db/tables/media.ts";

export type MediaRow = Omit<MediaTable, "test" | "uploadId">;

const columns = [
  "id",
  "workspaceId",
  "objectKey",
  "sealedKey",
  "mimeType",
  "sizeBytes",
  "sha256",
  "fileName",
  "createdBy",
  "sessionId",
  "expiresAt",
  "usedUntil",
  "createdAt",
] as const;

const isKept = (at: number) => sql<boolean>`(expires_at IS NULL OR expires_at > ${at})`;

const selectMedia = (db: Db, id: string, at: number) =>
  db.kysely.selectFrom("media").select(columns).where("id", "=", id).where(isKept(at));

/** A file of the tenant that has not expired. */
export const selectOwn = (db: Db, { workspaceId, test }: Tenant, { id, at }: { id: string; at: number }) =>
  selectMedia(db, id, at).where("workspaceId", "=", workspaceId).where("test", "=", test);

/** True in SQL for a file that the actor may see: every one with `message:read`, otherwise its own uploads. */
export const isSeenBy = ({ scopes, by }: Actor) =>
  scopes.has("message:read") ? sql<boolean>`1` : sql<boolean>`created_by = ${by.id}`;

/** A file of the actor's tenant that it may see. */
export const findSeen = (db: Db, actor: Actor, which: { id: string; at: number }): Promise<MediaRow | undefined> =>
  selectOwn(db, tenantOf(actor), which).where(isSeenBy(actor)).executeTakeFirst();

/** Those of these files that the actor may see. */
export const findAllSeen = (
  db: Db,
  actor: Actor,
  { ids, at }: { ids: readonly string[]; at: number },
): Promise<MediaRow[]> => {
  const { workspaceId, test } = tenantOf(actor);
  return db.kysely
    .selectFrom("media")
    .select(columns)
    .where(sql<boolean>`id IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`)
    .where("workspaceId", "=", workspaceId)
    .where("test", "=", test)
    .where(isSeenBy(actor))
    .where((where) => where.or([where("expiresAt", "is", null), where("expiresAt", ">", at)]))
    .execute();
};

/** A file by its id alone: for a signed link, which names it. */
export const findLinked = (db: Db, which: { id: string; at: number }): Promise<MediaRow | undefined> =>
  selectMedia(db, which.id, which.at).executeTakeFirst();

/** A file for connectors. They never get one of the sandbox. */
export const findForConnector = (db: Db, which: { id: string; at: number }): Promise<MediaRow | undefined> =>
  selectMedia(db, which.id, which.at).where("test", "=", 0).executeTakeFirst();

/** Names a new object, which is deleted at this time unless its row is stored before. */
export const noteObject = (db: Db, random: string, deleteAt: number) =>
  sql<{
    objectKey: string;
  }>`INSERT INTO media_object (object_key, delete_at) SELECT prefix || '/' || ${random}, ${deleteAt}
    FROM media_store RETURNING object_key`.compile(db.kysely);

/** Notes the id of an object's multipart upload. */
export const noteParts = (db: Db, objectKey: string, uploadId: string) =>
  sql`UPDATE media_object SET part_upload_id = ${uploadId} WHERE object_key = ${objectKey}`.compile(db.kysely);

/** Stores a row unless `unless` is true, and keeps its object. If the object is already being deleted, nothing is stored. */
export const insertMedia = (db: Db, row: MediaTable, when: RawBuilder<boolean>) => [
  sql`INSERT INTO media (id, workspace_id, test, object_key, sealed_key, mime_type, size_bytes, sha256, file_name, created_by,
      session_id, upload_id, expires_at, used_until, created_at)
    SELECT ${row.id}, ${row.workspaceId}, ${row.test}, ${row.objectKey}, ${row.sealedKey}, ${row.mimeType}, ${row.sizeBytes},
      ${row.sha256}, ${row.fileName}, ${row.createdBy}, ${row.sessionId}, ${row.uploadId}, ${row.expiresAt}, ${row.usedUntil},
      ${row.createdAt}
    WHERE ${when} AND EXISTS (SELECT 1 FROM media_object WHERE object_key = ${row.objectKey} AND delete_at > ${row.createdAt})`.compile(
    db.kysely,
  ),
  sql`DELETE FROM media_object WHERE object_key = ${row.objectKey} AND EXISTS (SELECT 1 FROM media WHERE id = ${row.id})`.compile(
    db.kysely,
  ),
];

/** A message that a file belongs to, and how long it may wait to be sent. */
export interface MediaUse {
  mediaId: string;
  until: number;
  /** In SQL: the message was stored. */
  when: RawBuilder<boolean>;
}

/** Marks a file as used: it is kept for the policy's time, and at least until then. In the batch that stores its message. */
export const useMedia = (db: Db, { workspaceId, test }: Tenant, { mediaId, until, when }: MediaUse) =>
  sql`UPDATE media SET expires_at = NULL, used_until = max(used_until, ${until})
    WHERE id = ${mediaId} AND workspace_id = ${workspaceId} AND test = ${test} AND ${when}`.compile(db.kysely);

/** True in SQL if the file is there: a message is stored only then, because a delete can come first. */
export const isMediaThere = ({ workspaceId, test }: Tenant, { mediaId, at }: { mediaId: string; at: number }) =>
  sql<boolean>`EXISTS (SELECT 1 FROM media WHERE id = ${mediaId} AND workspace_id = ${workspaceId} AND test = ${test}
    AND (expires_at IS NULL OR expires_at > ${at}))`;

/** The row of a received message's file: its upload has the message's id. */
const ofMessage = ({ sessionId, messageId }: { sessionId: string; messageId: string }) =>
  sql<boolean>`session_id = ${sessionId} AND upload_id = ${messageId}`;

/** The file of a received message, if it is stored. */
export const selectReceivedFile = (
  db: Db,
  tenant: Tenant,
  { at, ...message }: { sessionId: string; messageId: string; at: number },
) =>
  db.kysely
    .selectFrom("media")
    .select(columns)
    .where(ofMessage(message))
    .where("workspaceId", "=", tenant.workspaceId)
    .where(isKept(at));

/** The stored files of received messages, each with its message. */
export const selectReceivedFiles = (
  db: Db,
  workspaceId: string,
  { messages, at }: { messages: readonly { sessionId: string; messageId: string }[]; at: number },
) =>
  sql<MediaRow & { messageId: string }>`SELECT ${sql.join(columns.map((column) => sql.ref(`media.${column}`)))},
      media.upload_id AS message_id
    FROM json_each(${JSON.stringify(messages)}) AS wanted CROSS JOIN media INDEXED BY media_upload
      ON media.session_id = wanted.value ->> 'sessionId' AND media.upload_id = wanted.value ->> 'messageId'
    WHERE media.workspace_id = ${workspaceId} AND ${isKept(at)}`.compile(db.kysely);

/** Deletes the file of a message that was deleted. */
export const deleteReceivedFile = (db: Db, message: { sessionId: string; messageId: string }) =>
  sql`DELETE FROM media WHERE ${ofMessage(message)}`.compile(db.kysely);

/** The files of the tenant among these. */
export const selectOwnOf = (
  db: Db,
  { workspaceId, test }: Tenant,
  { ids, at }: { ids: readonly string[]; at: number },
) =>
  db.kysely
    .selectFrom("media")
    .select(columns)
    .where("id", "in", ids)
    .where("workspaceId", "=", workspaceId)
    .where("test", "=", test)
    .where(isKept(at));
