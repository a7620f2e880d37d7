import {
  AppError,
  type Content,
  type FieldError,
  type MediaKind,
  type MediaSource,
  type SealedContent,
  type SealedMedia,
} from "@sandi/contracts";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import { type Tenant, tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import type { Db } from "../db/schema.ts";
import {
  type Accepted,
  type IdempotencyKey,
  idempotencyTtlMs,
  replay,
  selectStoredResponse,
} from "../http/idempotency/create.ts";
import { isMediaThere, useMedia } from "../media/repository.ts";
import { type Bounds, checkMedia, deleteUnused, resolveMedia } from "../media/resolve-media.ts";
import type { Services } from "../services.ts";
import { refuseWhen, type Rule } from "./admission.ts";
import { contentKeptMs } from "./retry-message.ts";

/** A content whose file is stored, and what the batch that stores its message needs. */
export interface Attached {
  content: Content | SealedContent;
  rules: Rule[];
  writes: CompiledQuery[];
}

/** What a request sends: a content, or an earlier message. */
type Sent = Content | Extract<SealedContent, { type: "forward" }>;

interface Message {
  content: Sent;
  /** The file is the picture that a page names: without it, the message is sent all the same. */
  isFileOptional?: boolean;
  at: number;
  /** When it is queued; null: now. */
  sendAt: number | null;
  lifetimeMs: number;
  /** In SQL: the message was stored. */
  isStored: RawBuilder<boolean>;
}

/** The file that a content names, and where. */
interface Named {
  source: MediaSource;
  kind: MediaKind;
  pointer: string;
  bounds: Bounds;
  /** The content with the stored file, or without one. */
  put: (media: SealedMedia | undefined) => Content | SealedContent;
}

const preview = { mostBytes: 5_000_000, optionalMs: 5000 };

/** The file of the message, or the picture of its link preview. */
function fileIn(content: Sent, isOptional = false): Named | undefined {
  if ("media" in content) {
    const put = (media: SealedMedia | undefined) => (media ? { ...content, media } : content);
    return { source: content.media, kind: content.type, pointer: "/media", bounds: {}, put };
  }
  if (content.type !== "text" || typeof content.linkPreview !== "object" || !content.linkPreview.image)
    return undefined;
  const { image: source, ...card } = content.linkPreview;
  const put = (image: SealedMedia | undefined) => ({ ...content, linkPreview: image ? { ...card, image } : card });
  const bounds = { mostBytes: preview.mostBytes, ...(isOptional ? { fetchMs: preview.optionalMs } : {}) };
  return { source, kind: "image", pointer: "/linkPreview/image", bounds, put };
}

/** What the batch needs that stores a message whose file is stored already. */
export function attachStored(
  db: Db,
  tenant: Tenant,
  { mediaId, at, sendAt, lifetimeMs, isStored }: Omit<Message, "content"> & { mediaId: string },
): Pick<Attached, "rules" | "writes"> {
  // A message can be retried, and then has its lifetime again.
  const until = (sendAt ?? at) + 2 * lifetimeMs + contentKeptMs;
  return {
    rules: [refuseWhen(sql`NOT ${isMediaThere(tenant, { mediaId, at })}`, "no-media")],
    writes: [useMedia(db, tenant, { mediaId, until, when: isStored })],
  };
}

/** Stores a message with its file. A file that was fetched or decoded for it is deleted again if it is not accepted. */
export async function withMedia<Resource>(
  ctx: Context,
  { content, isFileOptional = false, ...message }: Message,
  store: (attached: Attached) => Promise<Accepted<Resource>>,
): Promise<Accepted<Resource>> {
  const file = fileIn(content, isFileOptional);
  if (!file) return store({ content, rules: [], writes: [] });
  const { services, actor } = ctx;
  const tenant = tenantOf(actor);
  const media = await resolveMedia(ctx, file.source, file.kind, file.bounds).catch((error: unknown) => {
    if (isFileOptional && error instanceof AppError) return undefined;
    throw below(file.pointer, error);
  });
  if (!media) return store({ content: file.put(undefined), rules: [], writes: [] });
  let isUsed = false;
  try {
    const { mediaId } = media;
    const accepted = await store({
      content: file.put(media),
      ...attachStored(services.db, tenant, { ...message, mediaId }),
    });
    isUsed = !accepted.replayed;
    return accepted;
  } finally {
    if (!isUsed && bringsMedia(content)) deleteUnused(services, media);
  }
}

/** Throws what `withMedia` would throw about the file, and stores nothing. */
export async function checkFile(ctx: Context, content: Content): Promise<void> {
  const file = fileIn(content);
  if (!file) return;
  await checkMedia(ctx, file.source, file.kind, file.bounds).catch((error: unknown) => {
    throw below(file.pointer, error);
  });
}

/** The error with the fields where they are. */
function below(pointer: string, error: unknown): unknown {
  if (!(error instanceof AppError) || !error.extras.errors) return error;
  const errors = error.extras.errors.map((one): FieldError => ({
    ...one,
    pointer: one.pointer.replace(/^\/media/, pointer),
  }));
  return new AppError(error.code, { ...error.extras, errors });
}

interface Repetition<Resource> {
  idempotencyKey: IdempotencyKey | undefined;
  at: number;
  render: (id: string) => Promise<Resource>;
}

/** The answer of an earlier request with the same key, before its file is fetched or decoded again. */
export async function replayBeforeMedia<Resource>(
  services: Services,
  workspaceId: string,
  { idempotencyKey, at, render }: Repetition<Resource>,
): Promise<Accepted<Resource> | undefined> {
  if (!idempotencyKey) return undefined;
  const { db } = services;
  const asked = selectStoredResponse(db, workspaceId, idempotencyKey, at - idempotencyTtlMs);
  const [earlier] = (await db.kysely.executeQuery(asked)).rows;
  return earlier && replay(services, workspaceId, { earlier, idempotencyKey, render });
}

/** Whether the request itself holds the file, or says where to fetch it. */
export const bringsMedia = (content: Sent): boolean => {
  const file = fileIn(content);
  return file !== undefined && !("mediaId" in file.source);
};

/** Whether the content names a file. */
export const hasFile = (content: Sent): boolean => fileIn(content) !== undefined;
