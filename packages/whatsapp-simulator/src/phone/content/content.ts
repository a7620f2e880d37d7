import { normalizeMessageContent, proto } from "@whiskeysockets/baileys";
import type { z } from "zod";
import { type Context, contextOf, inContext } from "./context.ts";
import type { Content, Kind, Summary } from "./kind.ts";
import { location } from "./location.ts";
import { text } from "./text.ts";
import { readUnwritten, type UnwrittenKind } from "./unwritten.ts";

export type { Content } from "./kind.ts";

/** The kinds that people write, each in its own file; the name is the `type` of Sandi's API. */
export const kinds = { text, location };

type Kinds = typeof kinds;
type Fields<Name extends keyof Kinds> = z.output<Kinds[Name]["fields"]>;

/** A message as a chat shows it: the fields of its kind, and `text`. */
export type Shown = Context &
  (
    | { [Name in keyof Kinds]: { kind: Name } & Fields<Name> & Summary }[keyof Kinds]
    | { kind: UnwrittenKind | "revoked"; text: string }
  );

/** What a person writes; without a type it is a text. */
export type Written =
  | { [Name in keyof Kinds]: { type: Name } & Fields<Name> }[keyof Kinds]
  | ({ type?: undefined } & Fields<"text">);

/** The content that a client sends for it, written or forwarded. */
export function contentOf({ type = "text", ...fields }: Written, { forwarded }: { forwarded?: boolean | undefined }) {
  const kind = kinds[type] as unknown as Kind<z.ZodObject>;
  return inContext(kind.write(fields), forwarded ? { isForwarded: true, forwardingScore: 1 } : {});
}

/** Undefined for content that no chat shows: keys, peer requests, protocol messages. */
export function shownContent(message: Content): Shown | undefined {
  const content = normalizeMessageContent(message) ?? message;
  const context: Context = { ...(contextOf(content)?.isForwarded && { forwarded: true }) };
  for (const [name, kind] of Object.entries(kinds)) {
    const shown = kind.read(content);
    if (shown) return { kind: name, ...shown, ...context } as Shown;
  }
  const shown = readUnwritten(content);
  return shown && { ...shown, ...context };
}

/** A correction to an earlier message: what it shows now. */
export function correction(message: Content): { id: string; shown: Shown } | undefined {
  const protocol = (normalizeMessageContent(message) ?? message).protocolMessage;
  const id = protocol?.key?.id;
  if (!protocol || !id) return undefined;
  const { Type } = proto.Message.ProtocolMessage;
  if (protocol.type === Type.REVOKE) return { id, shown: { kind: "revoked", text: "" } };
  const shown = protocol.type === Type.MESSAGE_EDIT && protocol.editedMessage && shownContent(protocol.editedMessage);
  return shown ? { id, shown } : undefined;
}
