import type { Content, SealedContent, SealedMedia } from "@sandi/contracts";
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
import { deleteUnused, resolveMedia } from "../media/resolve-media.ts";
import type { Services } from "../services.ts";
import { refuseWhen, type Rule } from "./admission.ts";
import { contentKeptMs } from "./retry-message.ts";

/** A content whose file is stored, and what the batch that stores its message needs. */
export interface Attached {
  content: Content | SealedContent;
  rules: Rule[];
  writes: CompiledQuery[];
}

interface Message {
  content: Content | Extract<SealedContent, { type: "forward" }>;
  at: number;
  /** When it is queued; null: now. */
  sendAt: number | null;
  lifetimeMs: number;
  /** In SQL: the message was stored. */
  isStored: RawBuilder<boolean>;
}

/** What the batch needs that stores a message whose file is stored already. */
export function attachStored(
  db: Db,
  tenant: Tenant,
  { content, at, sendAt, lifetimeMs, isStored }: Omit<Message, "content"> & { content: Content | SealedContent },
): Pick<Attached, "rules" | "writes"> {
  if (!("media" in content) || !("mediaId" in content.media)) return { rules: [], writes: [] };
  const { mediaId } = content.media;
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
  { content, ...message }: Message,
  store: (attached: Attached) => Promise<Accepted<Resource>>,
): Promise<Accepted<Resource>> {
  if (!("media" in content)) return store({ content, rules: [], writes: [] });
  const { services, actor } = ctx;
  const { db } = services;
  const tenant = tenantOf(actor);
  const media: SealedMedia = await resolveMedia(ctx, content.media, content.type);
  let isUsed = false;
  try {
    const filed: SealedContent = { ...content, media };
    const accepted = await store({ content: filed, ...attachStored(db, tenant, { ...message, content: filed }) });
    isUsed = !accepted.replayed;
    return accepted;
  } finally {
    if (!isUsed && !("mediaId" in content.media)) deleteUnused(services, media);
  }
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
export const bringsMedia = (content: Content): boolean => "media" in content && !("mediaId" in content.media);
