import { z } from "zod";
import { FileName, maxMediaBytes, MediaKind, MimeType } from "../content/media.ts";
import { MediaId } from "../ids.ts";
import { Timestamp } from "./common.ts";
import { examples } from "./examples.ts";

/** What `GET /v1/media/{id}` shows of a file. */
export const Media = z
  .object({
    id: MediaId,
    mimeType: MimeType.meta({ description: "From the first bytes of the file; for other files as the upload said." }),
    sizeBytes: z.int().min(1).max(maxMediaBytes),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .meta({ description: "Of the file, in hex.", example: examples.media.sha256 }),
    fileName: FileName.nullable(),
    contentPath: z
      .string()
      .max(128)
      .meta({ description: "Where API keys read the file.", example: examples.media.contentPath }),
    url: z.url().meta({ description: "Where anyone reads the file, for 24 hours.", example: examples.media.url }),
    createdAt: Timestamp,
    expiresAt: Timestamp.nullable().meta({
      description:
        "When it is deleted: an upload if no message uses it, a received file with the policy `messageContent: pass`. Null: it is kept for the policy's `retentionDays.media`.",
    }),
  })
  .meta({ id: "Media", description: "A file that messages can hold.", example: examples.media });
export type Media = z.infer<typeof Media>;

export const UploadMedia = z.strictObject({
  kind: MediaKind.optional().meta({
    description:
      "As what it will be sent. Decides which types and sizes are accepted. Default: by its type; a file that is not an image, a video or audio is a document.",
  }),
});
export type UploadMedia = z.infer<typeof UploadMedia>;

export const ReadMediaContent = z.strictObject({
  signature: z.string().min(1).max(64).optional().meta({ description: "Of a signed link. Replaces the API key." }),
});
