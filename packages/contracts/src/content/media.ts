import { z } from "zod";
import { MediaId } from "../ids.ts";

const megabyte = 1_000_000;
const mebibyte = 1024 * 1024;

const imageTypes = ["image/jpeg", "image/png", "image/webp"] as const;
const audioTypes = ["audio/mpeg", "audio/mp4", "audio/aac", "audio/ogg", "audio/amr", "audio/wav"] as const;

/**
 * The kinds of message that hold a file, each with the largest file in bytes and the types that phones show. Workers take
 * no body above 100 MB.
 */
export const mediaKinds = {
  image: { maxBytes: 50 * megabyte, types: imageTypes },
  video: { maxBytes: 50 * megabyte, types: ["video/mp4", "video/3gpp", "video/quicktime"] },
  audio: { maxBytes: 50 * megabyte, types: audioTypes },
  /** Phones play Ogg with Opus; connectors convert the others. */
  voice: { maxBytes: 16 * megabyte, types: audioTypes },
  /** Phones show WebP of 512 by 512; connectors convert the others. */
  sticker: { maxBytes: 5 * megabyte, types: imageTypes },
  /** Of any type. */
  document: { maxBytes: 95 * mebibyte, types: undefined },
} as const satisfies Record<string, { maxBytes: number; types: readonly string[] | undefined }>;

export type MediaKind = keyof typeof mediaKinds;
export const MediaKind = z.enum(Object.keys(mediaKinds) as [MediaKind, ...MediaKind[]]);

/** The largest file of all kinds. */
export const maxMediaBytes = Math.max(...Object.values(mediaKinds).map(({ maxBytes }) => maxBytes));

/** The largest file that a request can hold as base64. */
export const maxInlineBytes = 5 * mebibyte;

export const MimeType = z
  .string()
  .max(255)
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+\/[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "must be a media type such as image/jpeg")
  .meta({ description: "The media type, without parameters.", example: "image/jpeg" });

/** A name without a path, control characters and the characters that turn the direction of writing. */
export const FileName = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^/\\\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]+$/u, "must be a file name without a path")
  .meta({ description: "The name that the recipient sees.", example: "invoice.pdf" });

/** Where the file of a message comes from: an upload, an address, or the request itself. */
export const MediaSource = z
  .union([
    z.strictObject({ mediaId: MediaId }),
    z.strictObject({
      url: z.string().min(1).max(2048).meta({
        description: "An https address on the public internet. The file is fetched before the message is accepted.",
        example: "https://example.com/invoice.pdf",
      }),
    }),
    z.strictObject({
      data: z
        .string()
        .min(1)
        .max(4 * Math.ceil(maxInlineBytes / 3))
        .meta({ description: "The file in base64, at most 5 MiB decoded.", example: "iVBORw0KGgo=" }),
      mimeType: MimeType.optional(),
    }),
  ])
  .meta({ id: "MediaSource", description: "An upload (`POST /v1/media`), an address, or the file in base64." });
export type MediaSource = z.infer<typeof MediaSource>;

/** A stored file, as a message that is sealed to the connector names it. Without limits: a newer edge may have others. */
export const SealedMedia = z.strictObject({
  mediaId: z.string(),
  mimeType: z.string(),
  sizeBytes: z.number(),
  /** In hex, of the file. */
  sha256: z.string(),
  fileName: z.string().optional(),
});
export type SealedMedia = z.infer<typeof SealedMedia>;
