import type { proto } from "@whiskeysockets/baileys";
import type { z } from "zod";

/** A message in WhatsApp's protocol. */
export type Content = proto.IMessage;

/** What every shown message has: `text` is its text, or a summary that people can read. */
export interface Summary {
  text: string;
}

/** One kind of content that a phone shows and that a person writes on it. Its fields have the names of Sandi's API. */
export interface Kind<Fields extends z.ZodObject> {
  /** What a person writes. */
  readonly fields: Fields;
  /** Undefined when the content is of another kind. */
  read(content: Content): (z.output<Fields> & Summary) | undefined;
  write(fields: z.output<Fields>): Content;
}
