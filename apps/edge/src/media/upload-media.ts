import { AppError, type Media } from "@sandi/contracts";
import { base64url, utf8 } from "@sandi/crypto";
import type { Actor } from "../actor.ts";
import { tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import type { MediaTable } from "../db/tables/media.ts";
import type { Accepted, IdempotencyKey } from "../http/idempotency/create.ts";
import { newId } from "../services.ts";
import { createOnce } from "../writes/create-once.ts";
import { toMedia, withLink } from "./links.ts";
import { discard, type Incoming, type ReceivedObject, receive } from "./receive.ts";
import { insertMedia, selectOwn } from "./repository.ts";

/** An upload that no message uses is deleted after this time. */
const unusedMs = 24 * 3600_000;

/** Stores a file of the caller. The object comes first; its row makes it a file. */
export async function uploadMedia(
  ctx: Context,
  incoming: Incoming,
  idempotencyKey: IdempotencyKey | undefined,
): Promise<Accepted<Media>> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  const id = newId(services, "med");
  const object = await receive(services, { id, workspaceId }, incoming);
  const at = services.now().getTime();
  const row = uploadedRow(actor, id, { object, at });
  const { resource, replayed } = await createOnce(services, workspaceId, {
    table: "media",
    id,
    caller: ctx,
    at,
    idempotencyKey: idempotencyKey && (await ofFile(idempotencyKey, object)),
    find: (made) => selectOwn(db, tenantOf(actor), { id: made, at }),
    writes: (isFirst) => insertMedia(db, row, isFirst),
    undo: () => db.kysely.deleteFrom("media").where("id", "=", id),
    refuse: () => tooSlow(incoming.pointer),
    present: toMedia,
    gone: "media-not-found",
  }).catch((error: unknown) => {
    // Where the answer of the database was lost, cron deletes the object.
    if (error instanceof AppError) discard(services, object.objectKey);
    throw error;
  });
  if (replayed) discard(services, object.objectKey);
  return { resource: await withLink(services, resource), replayed };
}

/** The row of a file that the actor's key uploads. */
export const uploadedRow = (
  actor: Actor,
  id: string,
  { object, at }: { object: ReceivedObject; at: number },
): MediaTable => ({
  id,
  ...tenantOf(actor),
  ...object,
  createdBy: actor.by.id,
  sessionId: null,
  uploadId: null,
  expiresAt: at + unusedMs,
  usedUntil: 0,
  createdAt: at,
});

export const tooSlow = (pointer: string) =>
  new AppError("invalid-request", { errors: [{ pointer, message: "took longer than an hour" }] });

/** The body is a stream, so its fingerprint is known at its end only. */
async function ofFile(
  { keyHash, fingerprint }: IdempotencyKey,
  { sha256, mimeType, fileName }: ReceivedObject,
): Promise<IdempotencyKey> {
  const text = JSON.stringify([fingerprint, sha256, mimeType, fileName]);
  return { keyHash, fingerprint: base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(text)))) };
}
