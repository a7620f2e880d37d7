import { normalizeMessageContent } from "@whiskeysockets/baileys";
import type { z } from "zod";
import { type Context, contextOf, inContext, isViewOnce } from "./context.ts";
import type { Content, Kind, Summary } from "./kind.ts";
import { location } from "./location.ts";
import { text } from "./text.ts";
import { mediaKinds, readMedia, type ShownWithMedia, type WrittenWithMedia } from "./media-kinds.ts";
import { readUnwritten } from "./unwritten.ts";

export type { Content } from "./kind.ts";

/** The kinds that people write, each in its own file; the name is the `type` of Sandi's API. */
export const kinds = { text, location };

type Kinds = typeof kinds;
type Fields<Name extends keyof Kinds> = z.output<Kinds[Name]["fields"]>;

/** A message as a chat shows it: the fields of its kind, and `text`. */
export type Shown = Context &
  (
    | { [Name in keyof Kinds]: { kind: Name } & Fields<Name> & Summary }[keyof Kinds]
    | ShownWithMedia
    | { kind: "other" | "revoked"; text: string }
  );

/** What a person writes; without a type it is a text. */
export type Written = WrittenPlain | WrittenWithMedia;

type WrittenPlain =
  | { [Name in keyof Kinds]: { type: Name } & Fields<Name> }[keyof Kinds]
  | ({ type?: undefined } & Fields<"text">);

export const hasMedia = (written: Written): written is WrittenWithMedia =>
  written.type !== undefined && written.type in mediaKinds;

/** The content that a client sends for it, written or forwarded. */
export function contentOf(
  { type = "text", ...fields }: WrittenPlain,
  { forwarded }: { forwarded?: boolean | undefined },
) {
  const kind = kinds[type] as unknown as Kind<z.ZodObject>;
  return inContext(kind.write(fields), forwarded ? { isForwarded: true, forwardingScore: 1 } : {});
}

/** Undefined for content that no chat shows: keys, peer requests, changes of other messages. */
export function shownContent(message: Content): Shown | undefined {
  const content = normalizeMessageContent(message) ?? message;
  const context: Context = {
    ...(contextOf(content)?.isForwarded && { forwarded: true }),
    ...(isViewOnce(message) && { isViewOnce: true }),
  };
  for (const [name, kind] of Object.entries(kinds)) {
    const shown = kind.read(content);
    if (shown) return { kind: name, ...shown, ...context } as Shown;
  }
  const shown = readMedia(content)?.shown ?? readUnwritten(content);
  return shown && { ...shown, ...context };
}
