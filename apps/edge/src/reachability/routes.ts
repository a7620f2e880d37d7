import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import { CheckReachability, Reachability } from "@sandi/contracts";
import type { AppEnv } from "../http/app-env.ts";
import { authenticateUnmetered } from "../http/auth.ts";
import { jsonBody } from "../http/body.ts";
import { idempotent, ofRepeats } from "../http/idempotent.ts";
import { body, idempotencyHeader, json, ofBodies, problems, security } from "../http/openapi.ts";
import { takeLimits } from "../limits/limits.ts";
import { reachabilityLimits } from "../limits/named.ts";
import { checkReachability } from "./check-reachability.ts";

export const reachability = new OpenAPIHono<AppEnv>().openapi(
  createRoute({
    tags: ["Verifications"],
    security,
    method: "post",
    path: "/v1/reachability",
    operationId: "checkReachability",
    summary: "Who has a WhatsApp account",
    description:
      "Asks WhatsApp, through a session of yours, which numbers have an account. `isOnWhatsApp` is null where WhatsApp did not say. Answers are kept for days, and asking is limited (20 numbers a minute, 200 a day): to ask after many dead numbers is a way to lose the account, and to list who uses WhatsApp is not what this is for. Scope: `lookup:read`.",
    middleware: [authenticateUnmetered("lookup:read"), jsonBody(), idempotent] as const,
    request: { headers: idempotencyHeader, body: body(CheckReachability, { numbers: ["+6281234567890"] }) },
    responses: {
      200: json(Reachability, "One answer per number."),
      ...problems(
        ...ofBodies,
        ...ofRepeats,
        "session-not-found",
        "no-eligible-session",
        "session-not-online",
        "session-ended",
        "lookups-exhausted",
        "connector-unavailable",
      ),
    },
  }),
  async (c) => {
    const input = c.req.valid("json");
    await takeLimits(c, reachabilityLimits(c.var.ctx.actor, input.numbers.length));
    return c.json({ results: await checkReachability(c.var.ctx, input) }, 200);
  },
);
