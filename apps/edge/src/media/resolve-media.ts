import { AppError, type FieldError, type MediaKind, type MediaSource, type SealedMedia } from "@sandi/contracts";
import { chunkBytes } from "@sandi/crypto";
import { sql } from "kysely";
import type { Actor } from "../actor.ts";
import type { Context } from "../context.ts";
import { consumeLate } from "../http/rate-limits.ts";
import { mediaLimit } from "../rate-limits/named.ts";
import { newId, type Services } from "../services.ts";
import { commit } from "../writes/commit.ts";
import { fromBase64 } from "./base64.ts";
import { fetchMedia } from "./fetch-media.ts";
import { discard, type Incoming, isEmpty, mostBytesOf, receive, tooLarge } from "./receive.ts";
import { findAllSeen, findSeen, insertMedia, type MediaRow } from "./repository.ts";
import { inChunks } from "./sealed-object.ts";
import { judgeOf, requireKind } from "./types.ts";
import { tooSlow, uploadedRow } from "./upload-media.ts";

/**
 * The stored file of a message of this kind: an upload, or one that is fetched or decoded and stored now. Its verb then
 * marks it as used (`useMedia`) in the batch that stores the message, or deletes it (`deleteUnused`).
 * @throws `media-not-found`, `media-not-fetched`, `payload-too-large`, `rate-limited`, and `invalid-request` that names the
 *   field below `/media`
 */
export function resolveMedia(
  ctx: Context,
  source: MediaSource,
  kind: MediaKind,
  bounds: Bounds = {},
): Promise<SealedMedia> {
  if ("mediaId" in source) return uploaded(ctx, { id: source.mediaId, kind, bounds });
  return withFile(ctx, { source, kind, bounds }, (incoming) => store(ctx, incoming));
}

/** Smaller bounds than those of the kind. */
export interface Bounds {
  mostBytes?: number;
  /** For a file that is fetched. */
  fetchMs?: number;
}

interface Upload {
  id: string;
  kind: MediaKind;
  /** The field that an error names. */
  pointer: string;
}

/** The uploads of many messages, by their ids, and what is wrong with the others. */
export async function resolveUploads(
  { services, actor }: Context,
  uploads: readonly Upload[],
): Promise<{ found: Map<string, SealedMedia>; errors: FieldError[] }> {
  const ids = [...new Set(uploads.map(({ id }) => id))];
  const rows = await findAllSeen(services.db, actor, { ids, at: services.now().getTime() });
  const byId = new Map(rows.map((row) => [row.id, row]));
  const errors = uploads.flatMap(({ id, kind, pointer }): FieldError[] => {
    const row = byId.get(id);
    if (!row) return [{ pointer, message: "is no file, or one that has expired" }];
    try {
      requireFit(actor, row, { kind, pointer });
      return [];
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return error.extras.errors ?? [{ pointer, message: error.extras.detail ?? error.message }];
    }
  });
  return { found: new Map(rows.map((row) => [row.id, toSealed(row)])), errors };
}

/** Throws what `resolveMedia` would throw, and stores nothing. Of a fetched file only the beginning is read. */
export async function checkMedia(
  ctx: Context,
  source: MediaSource,
  kind: MediaKind,
  bounds: Bounds = {},
): Promise<void> {
  if ("mediaId" in source) return void (await uploaded(ctx, { id: source.mediaId, kind, bounds }));
  const isFetched = "url" in source;
  return withFile(ctx, { source, kind, bounds }, async ({ bytes, judge, mostBytes, pointer }) => {
    let size = 0;
    for await (const chunk of inChunks(bytes, chunkBytes)) {
      if (size === 0) judge(chunk);
      size += chunk.length;
      if (isFetched) return;
    }
    if (size === 0) throw isEmpty(pointer);
    if (size > mostBytes(kind)) throw tooLarge(kind, mostBytes(kind));
  });
}

/** Deletes a file that was stored for a message which was then refused. A file that a message uses is kept. */
export function deleteUnused(services: Services, { mediaId }: Pick<SealedMedia, "mediaId">): void {
  const { db, waitUntil, log } = services;
  const work = async () => {
    const { rows } = await db.kysely.executeQuery(
      sql<{ objectKey: string }>`DELETE FROM media WHERE id = ${mediaId} AND expires_at IS NOT NULL
        RETURNING object_key`.compile(db.kysely),
    );
    for (const { objectKey } of rows) discard(services, objectKey);
  };
  waitUntil(work().catch((error: unknown) => log("a file was not deleted yet", error)));
}

interface Wanted {
  source: Exclude<MediaSource, { mediaId: string }>;
  kind: MediaKind;
  bounds: Bounds;
}

/** Opens a file that the request holds, or whose address it names. */
async function withFile<T>(
  { services, actor }: Context,
  { source, kind, bounds: { mostBytes: most = Infinity, fetchMs } }: Wanted,
  take: (incoming: Incoming) => Promise<T>,
): Promise<T> {
  const ofPolicy = mostBytesOf(actor.policy);
  const mostBytes = (each: MediaKind) => Math.min(most, ofPolicy(each));
  if ("data" in source) {
    const pointer = "/media/data";
    const bytes = fromBase64(source.data, pointer);
    return take({
      bytes,
      fileName: undefined,
      pointer,
      judge: judgeOf({ type: source.mimeType ?? "", kind, pointer }),
      mostBytes,
    });
  }
  const pointer = "/media/url";
  const { type, fileName, size, bytes, close } = await fetchMedia(services, source.url, fetchMs);
  try {
    if (size !== undefined && size > mostBytes(kind)) throw tooLarge(kind, mostBytes(kind));
    return await take({ bytes, fileName, pointer, judge: judgeOf({ type, kind, pointer }), mostBytes });
  } finally {
    close();
  }
}

async function uploaded(
  { services, actor }: Context,
  { id, kind, bounds }: { id: string; kind: MediaKind; bounds: Bounds },
): Promise<SealedMedia> {
  const row = await findSeen(services.db, actor, { id, at: services.now().getTime() });
  if (!row) throw new AppError("media-not-found");
  requireFit(actor, row, { kind, pointer: "/media/mediaId", ...bounds });
  return toSealed(row);
}

/** Throws if a stored file cannot be sent as this kind. */
function requireFit(
  { policy }: Actor,
  row: MediaRow,
  { kind, pointer, mostBytes = Infinity }: Omit<Upload, "id"> & Bounds,
): void {
  requireKind(row.mimeType, kind, pointer);
  const most = Math.min(mostBytes, mostBytesOf(policy)(kind));
  if (row.sizeBytes > most) throw tooLarge(kind, most);
}

async function store(ctx: Context, incoming: Incoming): Promise<SealedMedia> {
  const { services, actor } = ctx;
  const { db, now } = services;
  const id = newId(services, "med");
  const object = await receive(services, { id, workspaceId: actor.workspaceId }, incoming);
  await consumeLate(ctx, mediaLimit(actor, object.sizeBytes)).catch((error: unknown) => {
    discard(services, object.objectKey);
    throw error;
  });
  const row = uploadedRow(actor, id, { object, at: now().getTime() });
  const { stored } = await commit(services, {
    writes: insertMedia(db, row, sql<boolean>`1`),
    reads: { stored: db.kysely.selectFrom("media").select("id").where("id", "=", id) },
  });
  if (stored.length > 0) return toSealed(row);
  discard(services, object.objectKey);
  throw tooSlow(incoming.pointer);
}

const toSealed = ({
  id,
  mimeType,
  sizeBytes,
  sha256,
  fileName,
}: Pick<MediaRow, "id" | "mimeType" | "sizeBytes" | "sha256" | "fileName">): SealedMedia => ({
  mediaId: id,
  mimeType,
  sizeBytes,
  sha256,
  ...(fileName === null ? {} : { fileName }),
});
