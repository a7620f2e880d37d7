import { AppError, type Scope } from "@sandi/contracts";
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import type { Actor } from "../actor.ts";
import { findActor } from "../auth/find-actor.ts";
import type { Limit } from "../rate-limits/limit.ts";
import { refuseSpent, consumeRateLimits } from "./rate-limits.ts";
import type { AppEnv } from "./app-env.ts";

/** Requires an API key with one of these scopes, sets `c.var.ctx`, and consumes the limits of every request and these. */
export function authenticate(anyOf: readonly Scope[], limitsOf: (actor: Actor, headers: Headers) => Limit[]) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const actor = await identify(c);
    await consumeRateLimits(c, hasOne(actor, anyOf) ? limitsOf(actor, c.req.raw.headers) : []);
    requireOne(actor, anyOf);
    await next();
  });
}

/**
 * The same, but the operation consumes the limits, together with those that depend on the input. When the key's limit
 * is used up the body is not read.
 */
export function authenticateUnmetered(anyOf: readonly Scope[]) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const actor = await identify(c);
    if (!hasOne(actor, anyOf)) await consumeRateLimits(c);
    requireOne(actor, anyOf);
    await next();
    if (c.get("isMetered")) return;
    // The operation did not reach its limits: the body is not valid, or the request is a repetition.
    const answered = c.res;
    // A refusal must not have the headers of this answer.
    c.res = undefined;
    await consumeRateLimits(c);
    c.res = answered;
  });
}

/** Finds the actor. A request from an address that the key does not allow consumes none of the key's limits. */
async function identify(c: Context<AppEnv>): Promise<Actor> {
  const address = c.req.header("cf-connecting-ip") ?? "";
  const { services } = c.env;
  const actor = await findActor(services, c.req.header("authorization"), address);
  c.set("ctx", { services, actor, trace: c.get("trace"), requestId: c.get("requestId") });
  refuseSpent(c);
  return actor;
}

const hasOne = ({ scopes }: Actor, anyOf: readonly Scope[]) => anyOf.some((scope) => scopes.has(scope));

function requireOne(actor: Actor, anyOf: readonly Scope[]): void {
  if (hasOne(actor, anyOf)) return;
  throw new AppError("insufficient-scope", { detail: `The key needs the scope ${anyOf.join(" or ")}.` });
}

/** Refuses test keys, because no request of a test key may reach a connector. Runs after `authenticate`. */
export const liveOnly = createMiddleware<AppEnv>(async (c, next) => {
  if (c.get("ctx").actor.environment === "test") {
    throw new AppError("test-keys-not-supported", {
      detail: "The sandbox does not have this: use a key `sandi_live_…`.",
    });
  }
  await next();
});
