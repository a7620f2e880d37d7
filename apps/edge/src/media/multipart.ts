import { AppError } from "@sandi/contracts";
import { dispositionOf, fileNameOf } from "./disposition.ts";

/** The file of a form. */
export interface FormFile {
  fileName: string | undefined;
  contentType: string;
  /** To be read to its end: what follows the file in the form is refused there. */
  bytes: AsyncIterable<Uint8Array>;
}

const mostHeaderBytes = 8 * 1024;
const newLine = [13, 10];
const ascii = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
const refused = (pointer: string, message: string) =>
  new AppError("invalid-request", { errors: [{ pointer, message }] });
const endedEarly = () => refused("/file", "ended before its end");

/** The boundary of a `multipart/form-data` body; undefined for other types. */
export function boundaryOf(contentType: string): string | undefined {
  if (!/^multipart\/form-data\s*(?:;|$)/i.test(contentType)) return undefined;
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]{1,70})"|([^\s";]{1,70}))/i.exec(contentType) ?? [];
  return quoted ?? plain ?? "";
}

/**
 * The one part `file` of a form (RFC 7578), whose bytes are not held. Throws `invalid-request` for any other part, and for
 * a body that ends early.
 */
export async function readFormFile(body: AsyncIterable<Uint8Array>, boundary: string): Promise<FormFile> {
  if (boundary === "") throw refused("header/Content-Type", "has no boundary");
  const delimiter = ascii(`\r\n--${boundary}`);
  const form = scan(body);
  // What stands before the first part is ignored.
  await form.upTo(delimiter, mostHeaderBytes);
  const { name, fileName, contentType } = await nextPart(form);
  if (name !== "file") throw refused(`/${name}`, "is not a known field");
  async function* bytes() {
    yield* form.until(delimiter);
    const next = await nextPart(form, { mayEnd: true });
    if (next) throw refused(`/${next.name}`, next.name === "file" ? "must be one file" : "is not a known field");
  }
  return { fileName, contentType, bytes: bytes() };
}

interface Part {
  name: string;
  fileName: string | undefined;
  contentType: string;
}

/** Reads the headers of the part behind a delimiter; undefined behind the last one. */
async function nextPart(form: Scanner): Promise<Part>;
async function nextPart(form: Scanner, may: { mayEnd: true }): Promise<Part | undefined>;
async function nextPart(form: Scanner, { mayEnd = false } = {}): Promise<Part | undefined> {
  const [first, second] = await form.take(2);
  if (first === 45 && second === 45) {
    if (mayEnd) return undefined;
    throw refused("/file", "is required");
  }
  if (first !== newLine[0] || second !== newLine[1]) throw refused("/file", "is not a part of a form");
  const lines = new TextDecoder().decode(await form.upTo(ascii("\r\n\r\n"), mostHeaderBytes)).split("\r\n");
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const parameters = dispositionOf(headers.get("content-disposition") ?? "");
  const name = (parameters.get("name") ?? "").toWellFormed().slice(0, 100);
  return { name, fileName: fileNameOf(parameters), contentType: headers.get("content-type") ?? "" };
}

type Scanner = ReturnType<typeof scan>;

/** Reads bytes up to delimiters. It holds a piece of the body, and at most one delimiter more. */
function scan(body: AsyncIterable<Uint8Array>) {
  const source = body[Symbol.asyncIterator]();
  // So the first delimiter of a form, which has no line before it, is as the others.
  let held = Uint8Array.from(newLine);

  async function more(): Promise<void> {
    const { done, value } = await source.next();
    if (done) throw endedEarly();
    const joined = new Uint8Array(held.length + value.length);
    joined.set(held);
    joined.set(value, held.length);
    held = joined;
  }

  /** Takes these bytes out of what is held. */
  function cut(length: number, skipped = 0): Uint8Array {
    const bytes = held.subarray(0, length);
    held = held.subarray(length + skipped);
    return bytes;
  }

  async function* until(delimiter: Uint8Array): AsyncGenerator<Uint8Array> {
    for (;;) {
      const at = indexOf(held, delimiter);
      if (at >= 0) {
        yield cut(at, delimiter.length);
        return;
      }
      // The end of what is held may be the beginning of the delimiter.
      if (held.length >= delimiter.length) yield cut(held.length - delimiter.length + 1);
      await more();
    }
  }

  return {
    until,
    async upTo(delimiter: Uint8Array, most: number): Promise<Uint8Array> {
      const bytes = new Uint8Array(most);
      let filled = 0;
      for await (const piece of until(delimiter)) {
        if (filled + piece.length > most) throw refused("/file", "has headers that are too long");
        bytes.set(piece, filled);
        filled += piece.length;
      }
      return bytes.subarray(0, filled);
    },
    async take(length: number): Promise<Uint8Array> {
      while (held.length < length) await more();
      return cut(length);
    },
  };
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  const last = bytes.length - wanted.length;
  for (let at = bytes.indexOf(wanted[0]!); at >= 0 && at <= last; at = bytes.indexOf(wanted[0]!, at + 1)) {
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}
