import { z } from "zod";
import { audio } from "./audio.ts";
import { buttons } from "./buttons.ts";
import { code } from "./code.ts";
import { contacts } from "./contacts.ts";
import { document } from "./document.ts";
import { event } from "./event.ts";
import { forward } from "./forward.ts";
import { image } from "./image.ts";
import { list } from "./list.ts";
import { location } from "./location.ts";
import type { SealedMedia } from "./media.ts";
import { poll } from "./poll.ts";
import { shared } from "./shared.ts";
import { sticker } from "./sticker.ts";
import { text } from "./text.ts";
import { video } from "./video.ts";
import { voice } from "./voice.ts";

/** The kinds of message that a caller can send. A new kind is a file beside this one and its name here. */
const sendable = [text, image, video, audio, voice, document, sticker, location, contacts, poll, event, buttons, list];
const kinds = [...sendable, code, forward];

const contents = sendable.map(({ content }) => content);
const sealedContents = kinds.map(({ sealed }) => sealed);

/** What a caller sends, without its recipient. */
export type Content = z.infer<(typeof contents)[number]>;
/** The content that the connector opens. */
export type SealedContent = z.infer<(typeof sealedContents)[number]>;
/** What is sealed of a message with a file. */
export type SealedMediaContent = Extract<SealedContent, { media: SealedMedia }>;

/** The `type` of a message. */
export const MessageType = z.enum(contents.map(({ shape }) => shape.type.value));
export type MessageType = z.infer<typeof MessageType>;

/** The `type` of a message that is shown: people also write what nobody can send through the API. */
export const ShownMessageType = z.enum([...MessageType.options, "reply", "unsupported", "undecryptable"]).meta({
  description:
    "Only received: `reply` (a choice among buttons or a list), `unsupported` (a kind that Sandi does not know), `undecryptable` (it gets its type when it can be read).",
});
export type ShownMessageType = z.infer<typeof ShownMessageType>;

/** The schema of what a caller sends, with the fields that all kinds share, and these additional ones. */
export const contentWith = <Fields extends z.core.$ZodShape>(fields: Fields) =>
  oneOf(contents, { ...fields, ...shared.content });

/** The schema of what is sealed to the connector, with the fields that all kinds share, and these additional ones. */
export const sealedContentWith = <Fields extends z.core.$ZodShape>(fields: Fields) =>
  oneOf(sealedContents, { ...fields, ...shared.sealed });

function oneOf<Kind extends z.ZodObject, Fields extends z.core.$ZodShape>(all: readonly Kind[], fields: Fields) {
  const [first, ...others] = all.map(({ shape, def }) => {
    const kind = z.strictObject({ ...fields, ...shape });
    // The rules that concern several fields of a kind.
    return def.checks ? kind.clone({ ...kind.def, checks: def.checks }) : kind;
  });
  const union: z.ZodType = z.discriminatedUnion("type", [first!, ...others]);
  return union as z.ZodType<
    z.output<Kind> & z.core.$InferObjectOutput<Fields, {}>,
    z.input<Kind> & z.core.$InferObjectInput<Fields, {}>
  >;
}
