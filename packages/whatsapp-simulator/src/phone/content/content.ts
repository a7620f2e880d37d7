import { normalizeMessageContent, type proto } from "@whiskeysockets/baileys";
import type { z } from "zod";
import { album, albumIdOf } from "./album.ts";
import { buttons } from "./buttons.ts";
import { contacts } from "./contacts.ts";
import { type Context, inContext, isViewOnce, type NameOf, readContext } from "./context.ts";
import { event } from "./event.ts";
import type { Content, Kind, Summary } from "./kind.ts";
import { list } from "./list.ts";
import { location } from "./location.ts";
import { mediaKinds, readMedia, type ShownWithMedia, type WrittenWithMedia } from "./media-kinds.ts";
import { poll } from "./poll.ts";
import { reply } from "./reply.ts";
import { text } from "./text.ts";
import { readUnwritten } from "./unwritten.ts";

export type { Content } from "./kind.ts";

/** The kinds that people write, each in its own file; the name is the `type` of Sandi's API. */
export const kinds = { text, location, contacts, poll, event, buttons, list, reply, album };

type Kinds = typeof kinds;
type Fields<Name extends keyof Kinds> = z.output<Kinds[Name]["fields"]>;
type Input<Name extends keyof Kinds> = z.input<Kinds[Name]["fields"]>;

/** A message as a chat shows it: the fields of its kind, and `text`. */
export type Shown = Context &
  (
    | { [Name in keyof Kinds]: { kind: Name } & Fields<Name> & Summary }[keyof Kinds]
    | ShownWithMedia
    | { kind: "interactive" | "other" | "revoked"; text: string }
  );

/** What a person writes; without a type it is a text. */
export type Written = WrittenPlain | WrittenWithMedia;

type WrittenPlain =
  | { [Name in keyof Kinds]: { type: Name } & Input<Name> }[keyof Kinds]
  | ({ type?: undefined } & Input<"text">);

export const hasMedia = (written: Written): written is WrittenWithMedia =>
  written.type !== undefined && written.type in mediaKinds;

/** The content that a client sends for it. */
export function contentOf({ type = "text", ...written }: WrittenPlain, contextInfo: proto.IContextInfo): Content {
  const kind = kinds[type] as unknown as Kind<z.ZodObject>;
  return inContext(kind.write(kind.fields.parse(written)), contextInfo);
}

/** Undefined for content that no chat shows: keys, peer requests, changes of other messages. */
export function shownContent(message: Content, nameOf: NameOf): Shown | undefined {
  const content = normalizeMessageContent(message) ?? message;
  const context: Context = {
    ...readContext(content, nameOf, (quoted) => shownContent(quoted, nameOf)?.text ?? ""),
    ...(isViewOnce(message) && { isViewOnce: true }),
    ...(albumIdOf(content) !== undefined && { albumId: albumIdOf(content)! }),
  };
  for (const [name, kind] of Object.entries(kinds)) {
    const shown = kind.read(content);
    if (shown) return { kind: name, ...shown, ...context } as Shown;
  }
  const shown = readMedia(content)?.shown ?? readUnwritten(content);
  return shown && { ...shown, ...context };
}
