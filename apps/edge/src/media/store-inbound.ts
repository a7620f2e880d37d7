import { AppError, type InboundMedia, mediaKinds, type StoredMedia } from "@sandi/contracts";
import { sql } from "kysely";
import { newId, type Services } from "../services.ts";
import { commit } from "../writes/commit.ts";
import { tooSlow } from "./upload-media.ts";
import { cleanFileName } from "./disposition.ts";
import { discard, receive } from "./receive.ts";
import { insertMedia } from "./repository.ts";

/** Stores a file that a session received, once for each upload id. Its bytes must be those that were announced. */
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
  const { session, known } = await db.read({
    session: db.kysely.selectFrom("session").select("workspaceId").where("id", "=", sessionId),
    known: earlier,
  });
  const [found] = known.rows;
  if (found) return { mediaId: found.id };
  const [owner] = session.rows;
  if (!owner) throw new AppError("session-not-found");

  const id = newId(services, "med");
  const { workspaceId } = owner;
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
  const row = { id, workspaceId, test: 0, ...object, createdBy: null, sessionId, uploadId, usedUntil: 0 } as const;
  const isNew = sql<boolean>`NOT EXISTS (SELECT 1 FROM media WHERE session_id = ${sessionId} AND upload_id = ${uploadId})`;
  const stored = await commit(services, {
    writes: insertMedia(db, { ...row, expiresAt: null, createdAt: at }, isNew),
    reads: { media: earlier },
  });
  const mediaId = stored.media[0]?.id;
  if (mediaId !== id) discard(services, object.objectKey);
  if (mediaId === undefined) throw tooSlow("header/content-type");
  return { mediaId };
}
