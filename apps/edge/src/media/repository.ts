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

const selectMedia = (db: Db, id: string, at: number) =>
  db.kysely
    .selectFrom("media")
    .select(columns)
    .where("id", "=", id)
    .where((where) => where.or([where("expiresAt", "is", null), where("expiresAt", ">", at)]));

/** A file of the tenant that has not expired. */
export const selectOwn = (db: Db, { workspaceId, test }: Tenant, { id, at }: { id: string; at: number }) =>
  selectMedia(db, id, at).where("workspaceId", "=", workspaceId).where("test", "=", test);

/** A file that the actor may see: all of its tenant with `message:read`, otherwise its own uploads. */
export async function findSeen(db: Db, actor: Actor, which: { id: string; at: number }): Promise<MediaRow | undefined> {
  const query = selectOwn(db, tenantOf(actor), which);
  const seen = actor.scopes.has("message:read") ? query : query.where("createdBy", "=", actor.by.id);
  return seen.executeTakeFirst();
}

/** A file by its id alone: for a signed link, which names it. */
export const findLinked = (db: Db, which: { id: string; at: number }): Promise<MediaRow | undefined> =>
  selectMedia(db, which.id, which.at).executeTakeFirst();

/** A file for connectors. They never get one of the sandbox. */
export const findForConnector = (db: Db, which: { id: string; at: number }): Promise<MediaRow | undefined> =>
  selectMedia(db, which.id, which.at).where("test", "=", 0).executeTakeFirst();

/** Notes that an object is deleted at this time, unless its row is stored before. */
export const noteObject = (db: Db, objectKey: string, deleteAt: number) =>
  sql`INSERT INTO media_object (object_key, delete_at) VALUES (${objectKey}, ${deleteAt})`.compile(db.kysely);

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
