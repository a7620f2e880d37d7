import { AppError } from "@sandi/contracts";
import type { Context } from "hono";
import type { Context as Caller } from "../context.ts";
import type { AppEnv } from "./app-env.ts";
import { remember } from "../remember.ts";
import { consumeFrom } from "../rate-limits/counters.ts";
import type { Limit } from "../rate-limits/limit.ts";
import { requestLimits } from "../rate-limits/request-limits.ts";

/** The state of a limit after this request. */
interface Standing {
  limit: Limit;
  remaining: number;
  /** Seconds until the window ends. */
  reset: number;
}

/**
 * Consumes the limits of every request and these, in one request to Redis. If one limit is used up, it consumes none and
 * throws `rate-limited`. The headers of every answer show what is left. Without Redis nothing is limited here. The limits
 * that protect codes and numbers are in the database.
 */
export async function consumeRateLimits(c: Context<AppEnv>, more: readonly Limit[] = []): Promise<void> {
  c.set("isMetered", true);
  const ofEvery = requestLimitsOf(c);
  const limits = [...ofEvery, ...more];
  const answer = await consumeFrom(
    c.env.services,
    limits.map((limit) => ({
      key: counterOf(c, limit),
      quota: limit.quota,
      windowMs: Math.round(limit.windowSeconds * 1000),
      cost: limit.cost ?? 1,
    })),
  );
  if (!answer) return;
  const isTaken = answer[0] === 1;
  const standings = limits.map((limit, i): Standing => {
    const taken = answer[2 * i + 1] ?? 0;
    const leftMs = answer[2 * i + 2] ?? 0;
    if (!isTaken && i < ofEvery.length && taken >= limit.quota) rememberSpent(c, limit, leftMs);
    return { limit, remaining: Math.max(0, limit.quota - taken), reset: Math.ceil(leftMs / 1000) };
  });
  showTightest(c, standings);
  if (!isTaken) throw refusal(standings);
}

const requestLimitsOf = (c: Context<AppEnv>) =>
  requestLimits(c.get("ctx").actor, c.req.header("idempotency-key") !== undefined);

/**
 * Throws `rate-limited` if this isolate knows, without asking Redis, that a limit of every request is used up. Some routes
 * consume their limits after they have read the body. This refuses them earlier.
 */
export function refuseSpent(c: Context<AppEnv>): void {
  const { spentLimits, now } = c.env.services;
  if (spentLimits.size === 0) return;
  const at = now().getTime();
  const standings = requestLimitsOf(c).flatMap((limit): Standing[] => {
    const spent = spentLimits.get(counterOf(c, limit));
    if (!spent || spent.forgetAt <= at) return [];
    return [{ limit, remaining: 0, reset: Math.ceil((spent.resetAt - at) / 1000) }];
  });
  if (standings.length === 0) return;
  showTightest(c, standings);
  throw refusal(standings);
}

/** After this time Redis is asked again, because the operator may have raised the quota. */
const rememberSpentMs = 10_000;
const mostSpent = 1_000;

function rememberSpent(c: Context<AppEnv>, limit: Limit, leftMs: number): void {
  const { spentLimits, now } = c.env.services;
  const at = now().getTime();
  const spent = { resetAt: at + leftMs, forgetAt: at + Math.min(leftMs, rememberSpentMs) };
  remember(spentLimits, [counterOf(c, limit), spent], mostSpent);
}

/** The keys have one hash tag, because a Redis cluster runs a script only on keys of one slot. */
const counterOf = (c: Context<AppEnv>, limit: Limit) => counterIn(c.get("ctx").actor.workspaceId, limit);

const counterIn = (workspaceId: string, { name, id }: Limit) => `limit:{${workspaceId}}:${name}:${id}`;

type Metered = Pick<Caller, "services"> & { actor: Pick<Caller["actor"], "workspaceId"> };

/** What is left of a limit, without using it up; undefined: Redis does not answer. */
export async function leftOf(
  { services, actor }: Metered,
  limit: Limit,
): Promise<{ remaining: number; leftMs: number } | undefined> {
  const { quota, windowSeconds } = limit;
  const counter = { key: counterIn(actor.workspaceId, limit), quota, windowMs: windowSeconds * 1000, cost: 0 };
  const answer = await consumeFrom(services, [counter]);
  return answer && { remaining: Math.max(0, quota - (answer[1] ?? 0)), leftMs: answer[2] ?? 0 };
}

/** Consumes a limit whose cost is known in the middle of a request. Throws `rate-limited` if it is used up. */
export async function consumeLate({ services, actor }: Metered, limit: Limit): Promise<void> {
  const { quota, windowSeconds, cost = 1 } = limit;
  const counter = { key: counterIn(actor.workspaceId, limit), quota, windowMs: windowSeconds * 1000, cost };
  const [isTaken, taken = 0, leftMs = 0] = (await consumeFrom(services, [counter])) ?? [1];
  if (isTaken !== 1) {
    throw refusal([{ limit, remaining: Math.max(0, quota - taken), reset: Math.ceil(leftMs / 1000) }]);
  }
}

/** Sets the headers of draft-ietf-httpapi-ratelimit-headers. Of counters with the same name, it shows the tightest. */
function showTightest(c: Context<AppEnv>, standings: readonly Standing[]): void {
  const tightest = new Map<string, Standing>();
  for (const standing of standings) {
    const { name } = standing.limit;
    if (standing.remaining < (tightest.get(name)?.remaining ?? Infinity)) tightest.set(name, standing);
  }
  for (const standing of tightest.values()) show(c, standing);
}

/** Adds a limit to the headers of the answer. */
export function show(
  c: Context<AppEnv>,
  { limit, remaining, reset }: Omit<Standing, "limit"> & { limit: Omit<Limit, "id"> },
) {
  const earlier = c.get("rateLimit");
  const policy = `"${limit.name}";q=${limit.quota};w=${Math.ceil(limit.windowSeconds)}`;
  const state = `"${limit.name}";r=${remaining};t=${reset}`;
  c.set(
    "rateLimit",
    earlier ? { policy: `${earlier.policy}, ${policy}`, state: `${earlier.state}, ${state}` } : { policy, state },
  );
}

function refusal(standings: readonly Standing[]): AppError {
  const short = standings.filter(({ limit: { cost = 1 }, remaining }) => cost > remaining);
  const details = short.map(({ limit: { name, quota, windowSeconds, cost = 1 }, remaining }) => {
    const asked = cost > 1 ? `. ${remaining} are left, and this request needs ${cost}` : "";
    return `\`${name}\` allows ${quota} in ${Math.ceil(windowSeconds)} s${asked}.`;
  });
  return new AppError("rate-limited", {
    retryAfter: Math.max(1, ...short.map(({ reset }) => reset)),
    detail: details.join(" "),
  });
}
