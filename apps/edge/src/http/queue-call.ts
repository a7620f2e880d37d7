import { AppError } from "@sandi/contracts";
import type { Context } from "hono";
import type { z } from "zod";
import type { AppEnv } from "./app-env.ts";
import { parseRaw, readRaw } from "./body.ts";
import { parseBody } from "./validation.ts";

const bodyLimit = 1024;

/** Answers the body of a call that QStash makes to this path. Throws unless QStash has signed it. */
export async function readQueueCall<Schema extends z.ZodType>(
  c: Context<AppEnv>,
  path: string,
  schema: Schema,
): Promise<z.output<Schema>> {
  const { isFromQueue, publicUrl } = c.env.services;
  const signature = c.req.header("upstash-signature") ?? "";
  // Without a signature the body is not read, and without a good one it is not parsed.
  if (signature === "") throw new AppError("signature-invalid");
  if (!(await isFromQueue(signature, `${publicUrl}${path}`, await readRaw(c, bodyLimit)))) {
    throw new AppError("signature-invalid");
  }
  return parseBody(schema, parseRaw(c));
}
