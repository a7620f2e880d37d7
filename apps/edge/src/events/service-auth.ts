import { AppError } from "@sandi/contracts";
import { createMiddleware } from "hono/factory";
import type { AppEnv } from "../http/app-env.ts";
import { unlessAway } from "../limits/redis-outage.ts";

const rememberSeconds = 70;

/** Lets a connector's call through: a token for this very request, and the first use of it. Behind `jsonBody`. */
export const connectorOnly = createMiddleware<AppEnv>(async (c, next) => {
  const { verifyServiceToken, isFirstUse, log } = c.env.services;
  const token = /^Bearer +(\S+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
  if (token === undefined) throw new AppError("service-token-invalid");
  const { pathname } = new URL(c.req.url);
  const request = { method: c.req.method, path: pathname, body: c.var.rawBody };
  const { jti } = await verifyServiceToken(token, request).catch((cause: unknown) => {
    throw new AppError("service-token-invalid", { cause });
  });
  // Without Redis we go on: a repeated claim or event batch changes nothing, and codes must flow while Redis is away.
  const failed = (error: unknown) => log("Redis does not answer; a service token was not checked for replay", error);
  const isFirst = await unlessAway(c.env.services, failed, () => isFirstUse(jti, rememberSeconds));
  if (isFirst === false) throw new AppError("service-token-invalid", { detail: "The token was used before." });
  await next();
});
