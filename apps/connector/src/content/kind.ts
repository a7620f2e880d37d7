import type { Content, MediaSource, Reply } from "@sandi/contracts";
import type { ReceivedMedia, SentFile } from "./media.ts";
import type { WireMessage } from "./wire.ts";

/** What somebody wrote to the account; `unsupported` is a message of a kind that has no file here. */
export type ReceivedContent =
  | Exclude<Content, WithMedia>
  | WithReceivedMedia<Extract<Content, WithMedia>>
  | Reply
  | { type: "unsupported" };

interface WithMedia {
  media: MediaSource;
  /** Of a received message, only which album it is in is known. */
  album?: unknown;
}
/** The same content, with what the message says of its file. */
type WithReceivedMedia<Each> = Each extends WithMedia
  ? Omit<Each, "media" | "album"> & { media: ReceivedMedia; album?: { id: string } }
  : never;

/** What a message needs that is not sealed with its content. */
export interface SendContext {
  /** The text around a code; null for every other kind. */
  template: string | null;
  /** The file, which lies at WhatsApp already; null for a kind without one. */
  file: SentFile | null;
  /** The picture of a link preview: a small JPEG. */
  picture?: Uint8Array | null;
}

/** How one kind of content is written and read in WhatsApp's protocol. */
export interface Kind<Sealed> extends Reader {
  /** A message with one part, so that a context can be added; null when the message cannot be made. */
  toProto(content: Sealed, context: SendContext): WireMessage | null;
}

/** How one kind of content is read in WhatsApp's protocol. */
export interface Reader {
  /** Null when the message is of another kind, or when nobody receives this one. */
  fromProto(message: WireMessage): ReceivedContent | null;
}
