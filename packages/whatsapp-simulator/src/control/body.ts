import type { Context } from "hono";
import type { z } from "zod";
import { SimulatorError } from "../errors.ts";

/** Room for a file of 5 MiB in base64. */
const bytesAtMost = 8 * 1024 * 1024;

/** The validated body of a request; throws an error with its faults. */
export async function body<T extends z.ZodType>(c: Context, schema: T): Promise<z.output<T>> {
  return schema.parse(await json(c));
}

export async function json(c: Context): Promise<unknown> {
  if (!isJson(c.req.header("content-type") ?? "")) throw new SimulatorError("unsupported_media_type");
  const text = await readText(c);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SimulatorError("invalid_request", "the body is not valid JSON", { field: "body", cause });
  }
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const mediaType = new RegExp(`^(${token}/${token})((?:[ \\t]*;(?:[ \\t]*${token}=(?:${token}|"[^"]*"))?)*)[ \\t]*$`);

/** JSON in UTF-8, however its `Content-Type` is spelled. */
function isJson(contentType: string): boolean {
  const [, type = "", parameters = ""] = mediaType.exec(contentType) ?? [];
  const charset = /;[ \t]*charset="?([^";\s]*)/i.exec(parameters)?.[1];
  return /^application\/([\w.-]+\+)?json$/i.test(type) && (charset === undefined || /^utf-?8$/i.test(charset));
}

/** Stops reading at the limit, whatever the length header says. */
async function readText(c: Context): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const { body: stream } = c.req.raw;
  if (!stream) return "";
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > bytesAtMost) throw new SimulatorError("body_too_large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
