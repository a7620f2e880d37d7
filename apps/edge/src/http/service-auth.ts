import { AppError } from "@sandi/contracts";
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { unlessAway } from "../rate-limits/redis-outage.ts";
import type { AppEnv } from "./app-env.ts";
import { parseRaw, readRaw } from "./body.ts";

const rememberSeconds = 70;

const bearer = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i;

/**
 * Requires a service token for exactly this request, which was not used before. Without a token the body is not read, and
 * without a valid token it is not parsed.
 */
export function connectorOnly(bodyLimit: number) {
  return createMiddleware<AppEnv>(async (c, next) => {
    await requireServiceToken(c, () => readRaw(c, bodyLimit));
    parseRaw(c);
    await next();
  });
}

/**
 * Throws `service-token-invalid` unless the request has a token for its method, its path and this text.
 * @param signed gets what the token signs as the body; it is not called without a token
 */
export async function requireServiceToken(c: Context<AppEnv>, signed: () => string | Promise<string>): Promise<void> {
  const { verifyServiceToken, isFirstUse, log } = c.env.services;
  const token = bearer.exec(c.req.header("authorization") ?? "")?.[1];
  if (token === undefined) throw new AppError("service-token-invalid");
  const request = { method: c.req.method, path: c.req.path, body: await signed() };
  const { jti } = await verifyServiceToken(token, request).catch((cause: unknown) => {
    throw new AppError("service-token-invalid", { cause });
  });
  // Without Redis the call is allowed: a repeated call changes nothing, and codes must not wait for Redis.
  const failed = (error: unknown) => log("Redis does not answer; a service token was not checked for replay", error);
  const isFirst = await unlessAway(c.env.services, failed, () => isFirstUse(jti, rememberSeconds));
  if (isFirst === false) throw new AppError("service-token-invalid", { detail: "The token was used before." });
}
