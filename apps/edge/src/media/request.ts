import { AppError, maxMediaBytes, type MediaKind, type Policy } from "@sandi/contracts";
import { lengthOf } from "../http/body.ts";
import { dispositionOf, fileNameOf } from "./disposition.ts";
import { boundaryOf, readFormFile } from "./multipart.ts";
import { type Incoming, mostBytesOf } from "./receive.ts";
import { readAll } from "./sealed-object.ts";
import { judgeOf } from "./types.ts";

/** A form is longer than its file: its boundaries and headers. */
const formBytes = 20 * 1024;

/**
 * Gives the file of a request to `take`, as a stream: the part `file` of a form, or the whole body.
 */
export async function withFile<T>(
  request: Request,
  { kind, policy }: { kind: MediaKind | undefined; policy: Policy },
  take: (incoming: Incoming) => Promise<T>,
): Promise<T> {
  const { headers, body } = request;
  if ((lengthOf(headers) ?? 0) > maxMediaBytes + formBytes) {
    throw new AppError("payload-too-large", { detail: "No file above 95 MiB is accepted." });
  }
  if (!body) throw new AppError("invalid-request", { errors: [{ pointer: "/file", message: "is required" }] });
  const type = headers.get("content-type") ?? "";
  if (/^application\/x-www-form-urlencoded/i.test(type)) {
    throw new AppError("unsupported-media-type", {
      detail: "Send the form as multipart/form-data, or the file itself.",
    });
  }
  const source = fromCaller(body);
  const boundary = boundaryOf(type);
  const mostBytes = mostBytesOf(policy);
  try {
    if (boundary === undefined) {
      const fileName = fileNameOf(dispositionOf(headers.get("content-disposition") ?? ""));
      const pointer = "header/Content-Type";
      return await take({ mostBytes, bytes: source, fileName, pointer, judge: judgeOf({ type, kind, pointer }) });
    }
    const { contentType, ...file } = await readFormFile(source, boundary);
    const pointer = "/file";
    return await take({ mostBytes, ...file, pointer, judge: judgeOf({ type: contentType, kind, pointer }) });
  } finally {
    await readOn(source);
  }
}

/**
 * Reads what is left of a body, up to the largest file. The runtime cuts the connection of a caller that is still sending,
 * who would then miss the answer.
 */
export async function readOn(source: AsyncGenerator<Uint8Array>): Promise<void> {
  let size = 0;
  try {
    for await (const bytes of source) {
      size += bytes.length;
      if (size > maxMediaBytes) return;
    }
  } catch {
    // The caller is gone, or has the fault in its answer already.
  }
}

/** A body that breaks off is the caller's fault, and no failure of ours. */
async function* fromCaller(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const bytes = readAll(body);
  try {
    for (;;) {
      const { done, value } = await bytes.next().catch((cause: unknown) => {
        throw new AppError("invalid-request", { detail: "The body ended before its end.", cause });
      });
      if (done) return;
      yield value;
    }
  } finally {
    await bytes.return(undefined);
  }
}
