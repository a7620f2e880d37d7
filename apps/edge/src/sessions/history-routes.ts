import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { ListSessionEvents, SessionEventList, SessionHealth, SessionId } from "@sandi/contracts";
import type { AppEnv } from "../http/app-env.ts";
import { authenticate, liveOnly } from "../http/auth.ts";
import { json, problems, security } from "../http/openapi.ts";
import { healthOf } from "./health-of.ts";
import { historyOf } from "./history.ts";

const params = z.object({ id: SessionId });
const manage = authenticate("session:manage");
const shared = { tags: ["Sessions"], security };

/** How a session is, and how it was. */
export const sessionHistory = new OpenAPIHono<AppEnv>()
  .openapi(
    createRoute({
      ...shared,
      method: "get",
      path: "/v1/sessions/{id}/health",
      operationId: "getSessionHealth",
      summary: "How a session is",
      description:
        "Its state, limits, queue and the last hour, with a score and what it is made of; `live` comes from its connector at this moment. Only keys with `lookup:read` see messages that failed because the number has no account; for others they count as sent.",
      middleware: [manage, liveOnly] as const,
      request: { params },
      responses: { 200: json(SessionHealth, "As it is now."), ...problems("session-not-found") },
    }),
    async (c) => c.json(await healthOf(c.var.ctx, c.req.valid("param").id), 200),
  )
  .openapi(
    createRoute({
      ...shared,
      method: "get",
      path: "/v1/sessions/{id}/events",
      operationId: "listSessionEvents",
      summary: "What has happened to a session",
      description:
        "Its states with their reasons, the accounts that were linked and unlinked, and changes of its limits and its proxy, newest first; for 30 days.",
      middleware: [manage, liveOnly] as const,
      request: { params, query: ListSessionEvents },
      responses: {
        200: json(SessionEventList, "A page of them."),
        ...problems("invalid-request", "session-not-found"),
      },
    }),
    async (c) => {
      const page = { id: c.req.valid("param").id, ...c.req.valid("query") };
      return c.json(await historyOf(c.env.services, c.var.ctx.actor.workspaceId, page), 200);
    },
  );
