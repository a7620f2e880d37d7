import { AppError } from "@sandi/contracts";
import type { Context } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import { takeFrom } from "./counters.ts";
import type { Limit } from "./limit.ts";
import { requestLimits } from "./request-limits.ts";

/** Where a limit stands with this request. */
interface Standing {
  limit: Limit;
  remaining: number;
  /** Seconds until the window is over. */
  reset: number;
}

/**
 * Takes from the limits of every request and from these, each named once, in one request to Redis, or from none and
 * throws `rate-limited`. Every answer tells where they stand. Without Redis all is granted: what protects codes and
 * numbers is in the database.
 */
export async function takeLimits(c: Context<AppEnv>, more: readonly Limit[] = []): Promise<void> {
  c.set("isMetered", true);
  const { key } = c.var;
  const limits = [...requestLimits(key, c.req.header("idempotency-key") !== undefined), ...more];
  const answer = await takeFrom(
    c.env.services,
    limits.map(({ name, id, quota, windowSeconds, cost = 1 }) => ({
      // One hash tag: a cluster runs a script only on keys of one slot.
      key: `limits:{${key.workspaceId}}:${name}:${id}`,
      quota,
      windowMs: Math.round(windowSeconds * 1000),
      cost,
    })),
  );
  if (!answer) return;
  const standings = limits.map((limit, i): Standing => {
    const taken = answer[2 * i + 1] ?? 0;
    const leftMs = answer[2 * i + 2] ?? 0;
    return { limit, remaining: Math.max(0, limit.quota - taken), reset: Math.ceil(leftMs / 1000) };
  });
  tell(c, standings);
  if (answer[0] !== 1) throw refusal(standings);
}

/** draft-ietf-httpapi-ratelimit-headers; of several counters under one name, the one with the least left. */
function tell(c: Context<AppEnv>, standings: readonly Standing[]): void {
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
  const told = c.get("rateLimit");
  const policy = `"${limit.name}";q=${limit.quota};w=${Math.ceil(limit.windowSeconds)}`;
  const state = `"${limit.name}";r=${remaining};t=${reset}`;
  c.set(
    "rateLimit",
    told ? { policy: `${told.policy}, ${policy}`, state: `${told.state}, ${state}` } : { policy, state },
  );
}

function refusal(standings: readonly Standing[]): AppError {
  const short = standings.filter(({ limit: { cost = 1 }, remaining }) => cost > remaining);
  const details = short.map(({ limit: { name, quota, windowSeconds, cost = 1 }, remaining }) => {
    const asked = cost > 1 ? `, ${remaining} of them are left, and this asks for ${cost}` : "";
    return `\`${name}\` allows ${quota} in ${Math.ceil(windowSeconds)} s${asked}.`;
  });
  return new AppError("rate-limited", {
    retryAfter: Math.max(1, ...short.map(({ reset }) => reset)),
    detail: details.join(" "),
  });
}
