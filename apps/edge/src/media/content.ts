import { AppError } from "@sandi/contracts";
import type { MediaTable } from "../db/tables/media.ts";
import type { Services } from "../services.ts";
import { readRange } from "./range.ts";
import { openObject } from "./sealed-object.ts";

/** The columns that reading a file needs. */
export type ContentRow = Pick<
  MediaTable,
  "id" | "workspaceId" | "objectKey" | "sealedKey" | "mimeType" | "sizeBytes" | "sha256" | "fileName"
>;

/** Answers with the file, or with the range that is asked for. Throws `media-not-found` if the store has no object. */
export async function answerContent(
  services: Services,
  row: ContentRow,
  { range, ifNoneMatch }: { range: string | undefined; ifNoneMatch?: string | undefined },
): Promise<Response> {
  const etag = `"${row.sha256}"`;
  const headers = new Headers({
    etag,
    "accept-ranges": "bytes",
    "content-type": row.mimeType,
    "content-disposition": disposition(row.fileName),
  });
  if (ifNoneMatch?.split(",").some((each) => each.trim().replace(/^W\//, "") === etag)) {
    return new Response(null, { status: 304, headers });
  }
  const part = readRange(range, row.sizeBytes);
  const { offset, length } = part ?? { offset: 0, length: row.sizeBytes };
  const body = await openObject(services, row, { offset, length });
  if (!body) {
    services.log(`the store has no object for ${row.id}`);
    throw new AppError("media-not-found");
  }
  headers.set("content-length", String(length));
  if (part) headers.set("content-range", `bytes ${offset}-${offset + length - 1}/${row.sizeBytes}`);
  return new Response(services.streams.ofLength(body, length), { status: part ? 206 : 200, headers });
}

/** A browser saves the file and never shows it on our address (RFC 6266). */
function disposition(fileName: string | null): string {
  if (fileName === null) return "attachment";
  const ascii = fileName.replaceAll(/[^ -~]|["\\%]/g, "_");
  const encoded = encodeURIComponent(fileName).replaceAll(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}
