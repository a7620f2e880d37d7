import { z } from "zod";
import { code } from "./code.ts";
import { location } from "./location.ts";
import { text } from "./text.ts";

/** The kinds of message that a caller can send. A new kind is a file beside this one and its name here. */
const sendable = [text, location];
const kinds = [...sendable, code];

const contents = sendable.map(({ content }) => content);
const sealedContents = kinds.map(({ sealed }) => sealed);

/** What a caller sends, without its recipient. */
export type Content = z.infer<(typeof contents)[number]>;
/** The content that the connector opens. */
export type SealedContent = z.infer<(typeof sealedContents)[number]>;

/** The `type` of a message. */
export const MessageType = z.enum(contents.map(({ shape }) => shape.type.value));
export type MessageType = z.infer<typeof MessageType>;

/** The schema of what a caller sends, with these additional fields in each kind. */
export const contentWith = <Fields extends z.core.$ZodShape>(fields: Fields) => oneOf(contents, fields);

/** The schema of what is sealed to the connector, with these additional fields in each kind. */
export const sealedContentWith = <Fields extends z.core.$ZodShape>(fields: Fields) => oneOf(sealedContents, fields);

function oneOf<Kind extends z.ZodObject, Fields extends z.core.$ZodShape>(all: readonly Kind[], fields: Fields) {
  const [first, ...others] = all.map(({ shape }) => z.strictObject({ ...fields, ...shape }));
  const union: z.ZodType = z.discriminatedUnion("type", [first!, ...others]);
  return union as z.ZodType<
    z.output<Kind> & z.core.$InferObjectOutput<Fields, {}>,
    z.input<Kind> & z.core.$InferObjectInput<Fields, {}>
  >;
}
