import { AppError, type MediaKind, type MediaSource, type SealedMedia } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import { consumeLate } from "../http/rate-limits.ts";
import { mediaLimit } from "../rate-limits/named.ts";
import { newId } from "../services.ts";
import { commit } from "../writes/commit.ts";
import { fromBase64 } from "./base64.ts";
import { fetchMedia } from "./fetch-media.ts";
import { discard, type Incoming, mostBytesOf, receive, tooLarge } from "./receive.ts";
import { findSeen, insertMedia, type MediaRow } from "./repository.ts";
import { judgeOf, requireKind } from "./types.ts";
import { tooSlow, uploadedRow } from "./upload-media.ts";

/**
 * The stored file of a message of this kind: an upload, or one that is fetched or decoded and stored now. Its verb then
 * marks it as used (`useMedia`) in the batch that stores the message.
 * @throws `media-not-found`, `media-not-fetched`, `payload-too-large`, `rate-limited`, and `invalid-request` that names the
 *   field below `/media`
 */
export async function resolveMedia(ctx: Context, source: MediaSource, kind: MediaKind): Promise<SealedMedia> {
  if ("mediaId" in source) return uploaded(ctx, source.mediaId, kind);
  const mostBytes = mostBytesOf(ctx.actor.policy);
  if ("data" in source) {
    const pointer = "/media/data";
    const bytes = fromBase64(source.data, pointer);
    const judge = judgeOf({ type: source.mimeType ?? "", kind, pointer });
    return store(ctx, { bytes, fileName: undefined, pointer, judge, mostBytes });
  }
  const pointer = "/media/url";
  const { type, fileName, size, bytes, close } = await fetchMedia(ctx.services, source.url);
  try {
    if (size !== undefined && size > mostBytes(kind)) throw tooLarge(kind, mostBytes(kind));
    return await store(ctx, { bytes, fileName, pointer, judge: judgeOf({ type, kind, pointer }), mostBytes });
  } finally {
    close();
  }
}

async function uploaded({ services, actor }: Context, id: string, kind: MediaKind): Promise<SealedMedia> {
  const row = await findSeen(services.db, actor, { id, at: services.now().getTime() });
  if (!row) throw new AppError("media-not-found");
  requireKind(row.mimeType, kind, "/media/mediaId");
  const most = mostBytesOf(actor.policy)(kind);
  if (row.sizeBytes > most) throw tooLarge(kind, most);
  return toSealed(row);
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
