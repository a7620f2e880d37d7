import { AppError } from "@sandi/contracts";
import type { MiddlewareHandler } from "hono";
import type { AppEnv } from "./env.ts";

/**
 * Reads the body of a write once, up to the limit, and hands it on as text: an endless body is not read to its end,
 * and what is not JSON is refused before any handler sees it.
 */
export function jsonBody(limit: number): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    if (c.req.method !== "POST" || c.req.raw.body === null) return next();
    const declared = Number(c.req.header("content-length") ?? 0);
    const text = declared > limit ? undefined : await readUpTo(c.req.raw.body, limit);
    if (text === undefined) throw new AppError("payload-too-large", { detail: `at most ${limit} bytes` });
    if (text.trim() === "") return next();
    const type = c.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
    if (type !== "application/json") throw new AppError("unsupported-media-type");
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      throw new AppError("invalid-json", { cause });
    }
    c.req.bodyCache = { text: Promise.resolve(text), json: Promise.resolve(value) };
    return next();
  };
}

async function readUpTo(body: ReadableStream<Uint8Array>, limit: number): Promise<string | undefined> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    size += value.length;
    if (size > limit) {
      await reader.cancel();
      return undefined;
    }
    text += decoder.decode(value, { stream: true });
  }
}
