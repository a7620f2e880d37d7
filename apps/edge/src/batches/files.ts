import {
  AppError,
  type Content,
  type CreateBatch,
  type FieldError,
  maxFieldErrors,
  type SealedMedia,
} from "@sandi/contracts";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Tenant } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import type { Db } from "../db/schema.ts";
import { checkMedia, deleteUnused, resolveMedia, resolveUploads } from "../media/resolve-media.ts";
import { bringsMedia } from "../messages/attach-media.ts";
import type { StoredContent } from "./items.ts";
import type { Recipient } from "./read-batch.ts";

/** The contents of a batch, whose files are stored. */
export interface Filed {
  /** What all recipients get; undefined: each has its own content. */
  message: StoredContent | undefined;
  recipients: (Omit<Recipient, "content"> & { content: StoredContent | undefined })[];
  /** The ids of its files, each once. */
  files: string[];
}

/**
 * Stores a batch with its files: the file of its `message` is fetched or decoded once for all recipients, and deleted again
 * if the batch is not accepted.
 */
export async function withFiles<Answer extends { replayed: boolean }>(
  ctx: Context,
  { message, recipients }: Pick<CreateBatch, "message"> & { recipients: Recipient[] },
  store: (filed: Filed) => Promise<Answer>,
): Promise<Answer> {
  if (!message || !("media" in message)) return store(await withUploads(ctx, message, recipients));
  const media = await resolveMedia(ctx, message.media, message.type).catch(inMessage);
  let isUsed = false;
  try {
    const own = recipients.map((one) => ({ ...one, content: undefined }));
    const answer = await store({ message: { ...message, media }, recipients: own, files: [media.mediaId] });
    isUsed = !answer.replayed;
    return answer;
  } finally {
    if (!isUsed && bringsMedia(message)) deleteUnused(ctx.services, media);
  }
}

/** Messages of their own name uploads. */
async function withUploads(
  ctx: Context,
  message: Exclude<Content, { media: object }> | undefined,
  recipients: Recipient[],
): Promise<Filed> {
  const wanted = recipients.flatMap(({ pointer, content }) =>
    content && "media" in content && "mediaId" in content.media
      ? [{ id: content.media.mediaId, kind: content.type, pointer: `${pointer}/media/mediaId` }]
      : [],
  );
  if (wanted.length === 0) return { message, recipients: recipients as Filed["recipients"], files: [] };
  const { found, errors } = await resolveUploads(ctx, wanted);
  if (errors.length > 0) throw new AppError("invalid-request", { errors: errors.slice(0, maxFieldErrors) });
  const own = recipients.map(({ content, ...one }) => ({ ...one, content: content && stored(content, found) }));
  return { message, recipients: own, files: [...found.keys()] };
}

const stored = (content: Content, found: ReadonlyMap<string, SealedMedia>): StoredContent =>
  "media" in content && "mediaId" in content.media
    ? { ...content, media: found.get(content.media.mediaId)! }
    : (content as StoredContent);

/** Throws what `withFiles` would throw about the files, and stores none. */
export async function checkFiles(
  ctx: Context,
  { message, recipients }: Pick<CreateBatch, "message"> & { recipients: Recipient[] },
): Promise<void> {
  if (!message || !("media" in message)) return void (await withUploads(ctx, message, recipients));
  await checkMedia(ctx, message.media, message.type).catch(inMessage);
}

/** Names the field where it is in a batch. */
function inMessage(error: unknown): never {
  if (!(error instanceof AppError) || !error.extras.errors) throw error;
  const errors = error.extras.errors.map((one): FieldError => ({ ...one, pointer: `/message${one.pointer}` }));
  throw new AppError(error.code, { ...error.extras, errors });
}

/** True in SQL if all files are there: a delete can come before the batch is stored. */
export const areThere = ({ workspaceId, test }: Tenant, { files, at }: { files: readonly string[]; at: number }) =>
  files.length === 0
    ? sql<boolean>`true`
    : sql<boolean>`(SELECT count(*) FROM media WHERE id IN (SELECT value FROM json_each(${JSON.stringify(files)}))
        AND workspace_id = ${workspaceId} AND test = ${test} AND (expires_at IS NULL OR expires_at > ${at})) = ${files.length}`;

/** Keeps the files until the batch has ended, if it is stored. */
export function holdFiles(
  db: Db,
  { batchId, files, isStored }: { batchId: string; files: readonly string[]; isStored: RawBuilder<boolean> },
): CompiledQuery[] {
  if (files.length === 0) return [];
  const ids = JSON.stringify(files);
  return [
    sql`INSERT INTO batch_media (batch_id, media_id) SELECT ${batchId}, value FROM json_each(${ids}) WHERE ${isStored}`,
    sql`UPDATE media SET expires_at = NULL WHERE id IN (SELECT value FROM json_each(${ids})) AND ${isStored}`,
  ].map((statement) => statement.compile(db.kysely));
}
