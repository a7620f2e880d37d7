import { AppError } from "@sandi/contracts";
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { z } from "zod";
import type { AppEnv } from "./app-env.ts";
import { refuseOtherMediaTypes } from "./media-type.ts";
import { parseBody, pointerTo } from "./validation.ts";

const publicLimit = 64 * 1024;

/** Reads and parses a JSON body of at most this many bytes, for the validator. Runs after `authenticate`. */
export function jsonBody(limit = publicLimit) {
  return createMiddleware<AppEnv>(async (c, next) => {
    c.set("rawBody", await readText(c.req.raw, limit, { fatal: true }));
    parseRaw(c);
    await next();
  });
}

/** For routes without a body: allows an empty body, and `{}`, because many clients send it. */
export const noBody = createMiddleware<AppEnv>(async (c, next) => {
  const raw = await readText(c.req.raw, publicLimit, { fatal: true });
  if (raw !== "") {
    refuseOtherMediaTypes(c.req.header("content-type") ?? "");
    parseBody(z.strictObject({}), parse(raw));
  }
  await next();
});

/**
 * Reads a body of at most this many bytes and does not parse it, so that its signature can be checked first. Bytes that
 * are not UTF-8 become replacement characters, and then no signature matches.
 */
export async function readRaw(c: Context<AppEnv>, limit: number): Promise<string> {
  const raw = await readText(c.req.raw, limit, { fatal: false });
  c.set("rawBody", raw);
  return raw;
}

/** Parses the body that was read. Call it when the sender is known: parsing is much slower than reading and hashing. */
export function parseRaw(c: Context<AppEnv>): unknown {
  const raw = c.get("rawBody");
  if (raw !== "") refuseOtherMediaTypes(c.req.header("content-type") ?? "");
  const parsed = parse(raw);
  refuseLossyParts(parsed);
  c.req.json = () => Promise.resolve(parsed) as Promise<never>;
  return parsed;
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
const lenient = new TextDecoder("utf-8");

/** The whole body as text. A body of known length is read at once, which is faster; others are read up to the limit. */
async function readText(request: Request, limit: number, { fatal }: { fatal: boolean }): Promise<string> {
  const length = lengthOf(request.headers);
  if (length !== undefined) {
    if (length > limit) throw tooLarge(limit);
    return decode(fatal ? strict : lenient, await request.arrayBuffer());
  }
  if (!request.body) return "";
  const decoder = new TextDecoder("utf-8", { fatal, ignoreBOM: false });
  let text = "";
  let size = 0;
  const reader: ReadableStreamDefaultReader<Uint8Array> = request.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decode(decoder);
    size += value.byteLength;
    if (size > limit) {
      void reader.cancel().catch(() => undefined);
      throw tooLarge(limit);
    }
    text += decode(decoder, value, { stream: true });
  }
}

/** The length of a body, if HTTP ends the body there: a chunked body may be longer than its `Content-Length`. */
export function lengthOf(headers: Headers): number | undefined {
  const length = headers.get("content-length");
  return length === null || headers.has("transfer-encoding") ? undefined : Number(length);
}

function decode(decoder: TextDecoder, ...bytes: Parameters<TextDecoder["decode"]>): string {
  try {
    return decoder.decode(...bytes);
  } catch (cause) {
    throw new AppError("invalid-json", { detail: "The body is not UTF-8.", cause });
  }
}

function parse(raw: string): unknown {
  if (raw === "") throw new AppError("invalid-json", { detail: "The body is empty." });
  try {
    return JSON.parse(raw);
  } catch (cause) {
    throw new AppError("invalid-json", { cause });
  }
}

interface Place {
  value: unknown;
  key: string;
  /** A link instead of a path: a body may be thousands of levels deep. */
  parent: Place | undefined;
  depth: number;
}

/** No valid body is deeper. */
const deepest = 20;

/** Throws for parts that would be lost later: halves of characters, and `__proto__`, which JavaScript reserves. */
function refuseLossyParts(body: unknown): void {
  const open: Place[] = [{ value: body, key: "", parent: undefined, depth: 0 }];
  for (let place = open.pop(); place; place = open.pop()) {
    const { value } = place;
    if (typeof value === "string" && !value.isWellFormed()) throw refused(place, "holds half of a character");
    if (value === null || typeof value !== "object") continue;
    for (const [key, child] of Object.entries(value)) {
      const inner = { value: child, key, parent: place, depth: place.depth + 1 };
      if (inner.depth > deepest) throw refused(place, "is nested too deeply");
      if (key === "__proto__") throw refused(inner, "is not a name that can be used");
      if (!key.isWellFormed()) throw refused(place, "has a name that holds half of a character");
      open.push(inner);
    }
  }
}

function refused(place: Place, message: string): AppError {
  const path: string[] = [];
  for (let at = place; at.parent; at = at.parent) path.push(at.key);
  return new AppError("invalid-request", { errors: [{ pointer: pointerTo("", path.toReversed()), message }] });
}

const tooLarge = (limit: number) =>
  new AppError("payload-too-large", { detail: `At most ${limit / 1024} KiB are accepted.` });
