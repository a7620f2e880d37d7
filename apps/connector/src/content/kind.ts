import type { Content, Reply } from "@sandi/contracts";
import type { WireMessage } from "./wire.ts";

/** What somebody wrote to the account; `unsupported` is a message of a kind that has no file here. */
export type ReceivedContent = Content | Reply | { type: "unsupported" };

/** What a message needs that is not sealed with its content. */
export interface SendContext {
  /** The text around a code; null for every other kind. */
  template: string | null;
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
