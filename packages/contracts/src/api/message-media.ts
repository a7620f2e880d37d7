import { z } from "zod";
import { FileName, maxMediaBytes, MimeType } from "../content/media.ts";
import { MediaId } from "../ids.ts";
import { examples } from "./examples.ts";

/** When a session fetches the files of received messages. */
export const MediaDownload = z.enum(["all", "onDemand", "none"]).meta({
  description:
    "Which files of received messages Sandi fetches. `all`: each one when its message arrives. `onDemand`: those that `POST /v1/messages/{id}/media` asks for. `none`: no file. A change holds for messages that arrive after it.",
});
export type MediaDownload = z.infer<typeof MediaDownload>;

/** How the fetch of a file can end. */
export const MediaEnd = z.enum(["stored", "unavailable", "too_large", "damaged"]);
export type MediaEnd = z.infer<typeof MediaEnd>;

/** Where the file of a message is. `deleted` is known at the edge only. */
export const MediaState = z.enum([...MediaEnd.options, "pending", "not_fetched", "deleted"]).meta({
  description:
    "`stored`: here it is. `pending`: it is being fetched, or is tried again later. `not_fetched`: nobody asked for it yet; also the file of a message that was sent through the API. `unavailable`: WhatsApp's hosts and the phone do not give it, or it is for the phone alone (`isViewOnce`). `too_large`: above 95 MiB. `damaged`: it is not the file that its message describes. `deleted`: its time is over, or it was deleted.",
});
export type MediaState = z.infer<typeof MediaState>;

/** The file in a message's `content.media`. */
export const MessageMedia = z
  .object({
    mediaId: MediaId.nullable().meta({ description: "Null unless it is `stored`." }),
    mediaState: MediaState,
    mimeType: MimeType.meta({ description: "As the sender says." }),
    sizeBytes: z
      .int()
      .min(0)
      .max(Number.MAX_SAFE_INTEGER)
      .meta({ description: `Above ${maxMediaBytes}: not fetched.` }),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .meta({ description: "Of the file, in hex.", example: examples.media.sha256 }),
    fileName: FileName.nullable(),
    width: z.int().min(0).optional().meta({ description: "In pixels, as it is shown. Left out when it is not known." }),
    height: z.int().min(0).optional().meta({ description: "As `width`." }),
    seconds: z.int().min(0).optional().meta({ description: "The length. Left out when it is not known." }),
    waveform: z.array(z.int().min(0).max(255)).max(1024).optional().meta({ description: "Loudness from 0 to 100." }),
    contentPath: z
      .string()
      .max(128)
      .nullable()
      .meta({ description: "Where API keys with `message:read` read the file.", example: examples.media.contentPath }),
    url: z
      .url()
      .nullable()
      .meta({ description: "Where anyone reads the file, for 24 hours.", example: examples.media.url }),
  })
  .meta({
    id: "MessageMedia",
    description: "The file of a message.",
    example: {
      mediaId: examples.media.id,
      mediaState: "stored",
      mimeType: examples.media.mimeType,
      sizeBytes: examples.media.sizeBytes,
      sha256: examples.media.sha256,
      fileName: examples.media.fileName,
      contentPath: examples.media.contentPath,
      url: examples.media.url,
    },
  });
export type MessageMedia = z.infer<typeof MessageMedia>;
