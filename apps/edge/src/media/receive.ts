import { AppError, type MediaKind, mediaKinds, type Policy } from "@sandi/contracts";
import { chunkBytes } from "@sandi/crypto";
import type { MediaTable } from "../db/tables/media.ts";
import type { Services } from "../services.ts";
import { noteObject, noteParts } from "./repository.ts";
import { inChunks, newObjectKey, sealChunks } from "./sealed-object.ts";

/** No upload takes longer. Afterwards cron deletes what is left of it. */
const uploadMs = 3600_000;

/** A file that arrives. Its source is for the caller to close: it is not read to its end if the file is refused. */
export interface Incoming {
  bytes: AsyncIterable<Uint8Array>;
  fileName: string | undefined;
  /** The field that an error names. */
  pointer: string;
  /** Its type and kind, by its first bytes. Throws if it is refused. */
  judge: (start: Uint8Array) => { type: string; kind: MediaKind };
  /** The largest size that is accepted, by kind. */
  mostBytes: (kind: MediaKind) => number;
}

/** What is known of a file when it is stored. */
export type ReceivedObject = Pick<
  MediaTable,
  "objectKey" | "sealedKey" | "mimeType" | "sizeBytes" | "sha256" | "fileName"
>;

/** The largest files that a workspace takes: those of WhatsApp, or fewer megabytes. */
export const mostBytesOf = (policy: Policy) => (kind: MediaKind) => {
  const { maxBytes } = mediaKinds[kind];
  const chosen = {
    image: policy.imageMegabytes,
    sticker: policy.imageMegabytes,
    video: policy.videoMegabytes,
    audio: policy.audioMegabytes,
    voice: policy.audioMegabytes,
    document: policy.documentMegabytes,
  };
  return Math.min(maxBytes, chosen[kind] * 1_000_000);
};

/**
 * Checks a file and stores it sealed, as a stream. Its row is for the caller to store (`insertMedia`); until then the
 * object is noted as one to delete, so nothing stays of an upload that fails.
 */
export async function receive(
  services: Services,
  place: Pick<MediaTable, "id" | "workspaceId">,
  incoming: Incoming,
): Promise<ReceivedObject> {
  const { db, media, streams, now, random } = services;
  const { bytes, fileName, pointer, mostBytes } = incoming;
  const chunks = inChunks(bytes, chunkBytes);
  const { value: start } = await chunks.next();
  if (!start) throw isEmpty(pointer);
  const { type, kind } = incoming.judge(start);
  const limit = mostBytes(kind);
  const hash = streams.sha256();
  let size = 0;

  async function* counted(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    for (let chunk: Uint8Array<ArrayBuffer> | undefined = start; chunk; { value: chunk } = await chunks.next()) {
      size += chunk.length;
      if (size > limit) throw tooLarge(kind, limit);
      await hash.update(chunk);
      yield chunk;
    }
  }

  const { sealer, sealedKey } = await newObjectKey(services, place);
  const noted = noteObject(db, random(16).toHex(), now().getTime() + uploadMs);
  const objectKey = (await db.kysely.executeQuery(noted)).rows[0]!.objectKey;
  try {
    await media.put(objectKey, sealChunks(counted(), sealer), async (uploadId) => {
      await db.kysely.executeQuery(noteParts(db, objectKey, uploadId));
    });
  } catch (error) {
    discard(services, objectKey);
    throw error;
  }
  return {
    objectKey,
    sealedKey,
    mimeType: type,
    sizeBytes: size,
    sha256: await hash.end(),
    fileName: fileName ?? null,
  };
}

/** Deletes an object that has no row, in the background. Cron does it later if that fails. */
export function discard({ db, media, waitUntil, log }: Services, objectKey: string): void {
  const work = async () => {
    await media.delete([objectKey]);
    await db.kysely.deleteFrom("mediaObject").where("objectKey", "=", objectKey).execute();
  };
  waitUntil(work().catch((error: unknown) => log("an object was not deleted yet", error)));
}

export const tooLarge = (kind: MediaKind, limit: number) =>
  new AppError("payload-too-large", {
    detail: `As ${kind} at most ${(limit / 1_000_000).toFixed(1).replace(/\.0$/, "")} MB are accepted.`,
  });

export const isEmpty = (pointer: string) =>
  new AppError("invalid-request", { errors: [{ pointer, message: "must not be empty" }] });
