import { z } from "zod";
import { MediaId, SessionId } from "../ids.ts";
import { maxMediaBytes, MimeType } from "../content/media.ts";

/**
 * `GET {edge}/internal/media/{mediaId}`: the file of a message to send. Streams the plaintext with `content-type`,
 * `content-length` and the SHA-256 as `etag`; takes one `range`. 404 `media-not-found` does not change any more.
 */
export const mediaContentPath = (mediaId: string) => `${mediaPath}/${mediaId}`;

/**
 * `POST {edge}/internal/media`: stores a file that an account received. The body is the file, and the headers are those of
 * `inboundMediaHeaders`. The service token signs `inboundMediaText` in place of the body, because the body is a stream;
 * a body with another size or hash is refused with 400. Answers 200 with a `StoredMedia`, the same for the same `uploadId`
 * of a session while the file is there.
 */
export const mediaPath = "/internal/media";

const mostNameLength = 255;

/** What a connector says about a file before it sends it. */
export const InboundMedia = z.strictObject({
  sessionId: SessionId,
  /** The id of its message, by which the edge finds the file. A repetition is not stored again. */
  uploadId: z.string().regex(/^[!-~]{1,200}$/, "must be 1 to 200 printable ASCII characters"),
  mimeType: MimeType,
  sizeBytes: z.coerce.number().int().min(1).max(maxMediaBytes),
  /** In hex. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in hex"),
  /** As the phone named it; the edge cleans it. */
  fileName: z.string().min(1).max(mostNameLength).optional(),
});
export type InboundMedia = z.infer<typeof InboundMedia>;

/** Null: nothing is stored, because the message was deleted for everyone or the policy keeps no contents. */
export const StoredMedia = z.object({ mediaId: MediaId.nullable() });
export type StoredMedia = z.infer<typeof StoredMedia>;

const headerNames = {
  sessionId: "sandi-session-id",
  uploadId: "sandi-upload-id",
  mimeType: "content-type",
  sizeBytes: "sandi-media-size",
  sha256: "sandi-media-sha256",
  fileName: "sandi-file-name",
} as const satisfies Record<keyof InboundMedia, string>;
const names = Object.keys(headerNames) as (keyof InboundMedia)[];

/** The headers of the upload. The file's name is percent-encoded: headers are ASCII. */
export const inboundMediaHeaders = ({ fileName, ...media }: InboundMedia): Record<string, string> =>
  headersOf({ ...media, ...(fileName === undefined ? {} : { fileName: encodeURIComponent(sent(fileName)) }) });

/** Phones name files as they like. A header takes no half of a surrogate pair, and no name of any length. */
const sent = (fileName: string) => fileName.slice(0, mostNameLength).toWellFormed();

const headersOf = (values: { [Name in keyof InboundMedia]?: string | number | undefined }) =>
  Object.fromEntries(
    names.flatMap((name) => (values[name] === undefined ? [] : [[headerNames[name], String(values[name])] as const])),
  );

/** Reads the headers; the values are not checked. Throws a `URIError` if the file's name is not percent-encoded. */
export const readInboundMediaHeaders = (headers: { get: (name: string) => string | null }): Record<string, string> =>
  Object.fromEntries(
    names.flatMap((name) => {
      const value = headers.get(headerNames[name]);
      return value === null ? [] : [[name, name === "fileName" ? decodeURIComponent(value) : value] as const];
    }),
  );

/** What the service token signs as the body: the announced facts, the hash of the file among them. */
export const inboundMediaText = ({ fileName, ...media }: InboundMedia): string => {
  const announced: InboundMedia = { ...media, ...(fileName === undefined ? {} : { fileName: sent(fileName) }) };
  return JSON.stringify(names.map((name) => announced[name] ?? null));
};
