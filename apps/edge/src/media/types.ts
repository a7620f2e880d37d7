import { AppError, MediaKind, mediaKinds, MimeType } from "@sandi/contracts";
import { sniff } from "./sniff.ts";

/** Other names of types; the values are those of `mediaKinds`. */
const canonical: Record<string, string> = {
  "image/jpg": "image/jpeg",
  "image/pjpeg": "image/jpeg",
  "audio/mp3": "audio/mpeg",
  "audio/m4a": "audio/mp4",
  "audio/x-m4a": "audio/mp4",
  "audio/aacp": "audio/aac",
  "audio/x-aac": "audio/aac",
  "audio/opus": "audio/ogg",
  "application/ogg": "audio/ogg",
  "audio/x-wav": "audio/wav",
  "audio/wave": "audio/wav",
  "audio/vnd.wave": "audio/wav",
  "video/x-m4v": "video/mp4",
  "video/3gp": "video/3gpp",
};
const generic = new Set(["", "application/octet-stream", "binary/octet-stream", "application/binary"]);
/** Types in the same container: the first bytes do not tell a film from a song in it. */
const container = new Set(["video/mp4", "audio/mp4", "video/quicktime", "video/3gpp"]);

/** A media type without its parameters and by its usual name; empty for none, and for one that says nothing. */
export function typeOf(contentType: string | null | undefined): string {
  const [bare = ""] = (contentType ?? "").toLowerCase().split(";");
  const type = bare.trim();
  return generic.has(type) ? "" : (canonical[type] ?? type);
}

const rules: Record<MediaKind, { types: readonly string[] | undefined }> = mediaKinds;
/** What a file of this type is sent as, if nothing else is asked for: the first kind of the table that has the type. */
const usualKinds = new Map(
  MediaKind.options.flatMap((kind) => (rules[kind].types ?? []).map((type) => [type, kind] as const)).toReversed(),
);

const isShown = (type: string) => usualKinds.has(type);

/** What the sender of a file says about it. */
export interface Claim {
  /** A media type, such as a `Content-Type`. */
  type: string;
  /** As what it will be sent; undefined: as its type says. */
  kind: MediaKind | undefined;
  /** The field that an error names. */
  pointer: string;
}

/**
 * Decides on the type and the kind of a file by its first bytes. A claim to be what phones show must be true. Documents may
 * be anything: they have the type that their sender says, and the one of their first bytes where that says nothing.
 */
export const judgeOf = (claim: Claim) => (start: Uint8Array) => {
  const { kind, pointer } = claim;
  const claimed = typeOf(claim.type);
  const seen = typeOf(sniff(start));
  const refused = (message: string) => new AppError("invalid-request", { errors: [{ pointer, message }] });
  if (claimed !== "" && !MimeType.safeParse(claimed).success)
    throw refused("must have a media type such as image/jpeg");
  const agrees = claimed === seen || (container.has(claimed) && container.has(seen));
  if (isShown(claimed) && !agrees) {
    throw refused(`is not ${claimed}: its first bytes show ${seen === "" ? "no known type" : seen}`);
  }
  const found = claimed === "" ? seen : claimed;
  const as = kind ?? usualKinds.get(found) ?? "document";
  // A document may say that it is an image of a rare type. To be sent as an image it must be one.
  const type = rules[as].types && !isShown(found) ? seen : found;
  requireKind(type, as, pointer);
  return { type: type === "" ? "application/octet-stream" : type, kind: as };
};

/** Throws `invalid-request` if a file of this type cannot be sent as this kind. */
export function requireKind(type: string, kind: MediaKind, pointer: string): void {
  const { types } = rules[kind];
  if (!types || types.includes(type)) return;
  const message = `cannot be sent as ${kind}: it is ${type === "" ? "of no known type" : type}, and must be ${types.join(", ")}`;
  throw new AppError("invalid-request", { errors: [{ pointer, message }] });
}
