import { AppError, type InboundMedia, mediaKinds, Quota, type StoredMedia } from "@sandi/contracts";
import { sql } from "kysely";
import { consumeLate } from "../http/rate-limits.ts";
import { receivedMediaLimit } from "../rate-limits/named.ts";
import { passMs } from "../retention.ts";
import { newId, type Services } from "../services.ts";
import { readPolicy } from "../stored-policy.ts";
import { commit } from "../writes/commit.ts";
import { tooSlow } from "./upload-media.ts";
import { cleanFileName } from "./disposition.ts";
import { discard, receive } from "./receive.ts";
import { insertMedia } from "./repository.ts";

/**
 * Stores a file that a session received, once for each message. Its bytes must be those that were announced. Nothing is
 * stored of a message that was deleted, nor with the policy `messageContent: drop`.
 */
export async function storeInbound(
  services: Services,
  announced: InboundMedia,
  bytes: AsyncIterable<Uint8Array>,
): Promise<StoredMedia> {
  const { db, now } = services;
  const { sessionId, uploadId } = announced;
  const earlier = db.kysely
    .selectFrom("media")
    .select("id")
    .where("sessionId", "=", sessionId)
    .where("uploadId", "=", uploadId);
  const revoked = db.kysely
    .selectFrom("message")
    .select("id")
    .where("id", "=", uploadId)
    .where("sessionId", "=", sessionId)
    .where((where) => where.or([where("status", "=", "revoked"), where("deletedAt", "is not", null)]));
  const { session, known, gone } = await db.read({
    session: db.kysely
      .selectFrom("session")
      .innerJoin("workspace", "workspace.id", "session.workspaceId")
      .select(["session.workspaceId", "workspace.policy", "workspace.quota"])
      .where("session.id", "=", sessionId),
    known: earlier,
    gone: revoked,
  });
  const [found] = known.rows;
  if (found) return { mediaId: found.id };
  const [owner] = session.rows;
  if (!owner) throw new AppError("session-not-found");
  const { messageContent } = readPolicy(owner.policy);
  if (gone.rows.length > 0 || messageContent === "drop") return { mediaId: null };

  const id = newId(services, "med");
  const { workspaceId } = owner;
  const limit = receivedMediaLimit(Quota.parse(JSON.parse(owner.quota)), announced.sizeBytes);
  await consumeLate({ services, actor: { workspaceId } }, limit);
  const object = await receive(
    services,
    { id, workspaceId },
    {
      bytes,
      fileName: announced.fileName === undefined ? undefined : cleanFileName(announced.fileName),
      pointer: "header/content-type",
      // Phones send what they like: the type is what the sender said, and no file is refused for it.
      judge: () => ({ type: announced.mimeType, kind: "document" }),
      mostBytes: () => Math.min(announced.sizeBytes, mediaKinds.document.maxBytes),
    },
  );
  const isAnnounced = object.sizeBytes === announced.sizeBytes && object.sha256 === announced.sha256;
  if (!isAnnounced) {
    discard(services, object.objectKey);
    throw new AppError("invalid-request", { detail: "The body has another size or hash than its headers say." });
  }
  const at = now().getTime();
  const expiresAt = messageContent === "pass" ? at + passMs : null;
  const row = { id, workspaceId, test: 0, ...object, createdBy: null, sessionId, uploadId, usedUntil: 0 } as const;
  // The message, or its session, can be deleted during the upload.
  const isWanted = sql<boolean>`NOT EXISTS (SELECT 1 FROM media WHERE session_id = ${sessionId} AND upload_id = ${uploadId})
    AND NOT EXISTS ${revoked} AND EXISTS (SELECT 1 FROM session WHERE id = ${sessionId})`;
  const stored = await commit(services, {
    writes: insertMedia(db, { ...row, expiresAt, createdAt: at }, isWanted),
    reads: { media: earlier, gone: revoked },
  });
  const mediaId = stored.media[0]?.id;
  if (mediaId !== id) discard(services, object.objectKey);
  if (mediaId === undefined && stored.gone.length > 0) return { mediaId: null };
  if (mediaId === undefined) throw tooSlow("header/content-type");
  return { mediaId };
}
