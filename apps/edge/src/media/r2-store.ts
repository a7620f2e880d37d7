import { AppError } from "@sandi/contracts";
import type { Services } from "../services.ts";
import type { MediaStore } from "./store.ts";

/** R2 takes parts of 5 MiB or more, all of the same size but the last. */
const partBytes = 5 * 1024 * 1024;

/** The store over an R2 bucket. An upload holds one part in memory. Rejects with `media-unavailable` if R2 does. */
export function r2Store(bucket: R2Bucket, log: Services["log"]): MediaStore {
  const asked = <T>(answer: Promise<T>) =>
    answer.catch((cause: unknown): never => {
      log("the store of media does not answer", cause);
      throw new AppError("media-unavailable", { retryAfter: 1, cause });
    });

  return {
    async put(key, pieces, onParts) {
      let upload: R2MultipartUpload | undefined;
      const parts: R2UploadedPart[] = [];
      try {
        for await (const { bytes, isLast } of inParts(pieces)) {
          if (isLast && !upload) {
            await asked(bucket.put(key, bytes));
            break;
          }
          if (!upload) await onParts((upload = await asked(bucket.createMultipartUpload(key))).uploadId);
          parts.push(await asked(upload.uploadPart(parts.length + 1, bytes)));
        }
        if (upload) await asked(upload.complete(parts));
      } catch (error) {
        await upload?.abort().catch(() => undefined);
        throw error;
      }
    },
    async get(key, { offset, length }) {
      const object = await asked(bucket.get(key, { range: { offset, length } }));
      return object?.body;
    },
    delete: (keys) => asked(bucket.delete([...keys])),
    async abort(key, uploadId) {
      const upload = bucket.resumeMultipartUpload(key, uploadId);
      await asked(
        upload.abort().catch((error: unknown) => (isUnknownUpload(error) ? undefined : Promise.reject(error))),
      );
    },
    async list(after, limit) {
      const { objects } = await asked(bucket.list({ limit, ...(after === "" ? {} : { startAfter: after }) }));
      return objects.map(({ key, uploaded }) => ({ key, uploadedAt: uploaded }));
    },
  };
}

/** Cuts the bytes into parts. Each part is in the same memory as the one before. */
async function* inParts(pieces: AsyncIterable<Uint8Array>) {
  const part = new Uint8Array(partBytes);
  let filled = 0;
  for await (const piece of pieces) {
    for (let offset = 0; offset < piece.length;) {
      if (filled === partBytes) {
        yield { bytes: part, isLast: false };
        filled = 0;
      }
      const taken = piece.subarray(offset, offset + partBytes - filled);
      part.set(taken, filled);
      filled += taken.length;
      offset += taken.length;
    }
  }
  yield { bytes: part.subarray(0, filled), isLast: true };
}

/** R2's error 10024: the upload has ended, was aborted, or never was. */
const isUnknownUpload = (error: unknown) => error instanceof Error && /\(10024\)/.test(error.message);
