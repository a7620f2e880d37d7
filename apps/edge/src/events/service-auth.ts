import { AppError } from "@sandi/contracts";
import { createMiddleware } from "hono/factory";
import type { AppEnv } from "../http/app-env.ts";
import { parseRaw, readRaw } from "../http/body.ts";
import { unlessAway } from "../rate-limits/redis-outage.ts";

const rememberSeconds = 70;

const bearer = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i;

/**
 * Requires a service token for exactly this request, which was not used before. Without a token the body is not read, and
 * without a valid token it is not parsed.
 */
export function connectorOnly(bodyLimit: number) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const { verifyServiceToken, isFirstUse, log } = c.env.services;
    const token = bearer.exec(c.req.header("authorization") ?? "")?.[1];
    if (token === undefined) throw new AppError("service-token-invalid");
    const request = { method: c.req.method, path: c.req.path, body: await readRaw(c, bodyLimit) };
    const { jti } = await verifyServiceToken(token, request).catch((cause: unknown) => {
      throw new AppError("service-token-invalid", { cause });
    });
    // Without Redis the call is allowed: a repeated claim or event batch changes nothing, and codes must not wait for Redis.
    const failed = (error: unknown) => log("Redis does not answer; a service token was not checked for replay", error);
    const isFirst = await unlessAway(c.env.services, failed, () => isFirstUse(jti, rememberSeconds));
    if (isFirst === false) throw new AppError("service-token-invalid", { detail: "The token was used before." });
    parseRaw(c);
    await next();
  });
}
