import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import {
  AlertChannelId,
  AlertDeliveryList,
  AppError,
  IncidentList,
  ListAlertDeliveries,
  ListIncidents,
} from "@sandi/contracts";
import type { AppEnv } from "../http/app-env.ts";
import { authenticate, liveOnly } from "../http/auth.ts";
import { json, problems, security } from "../http/openapi.ts";
import { findIncidents, toIncident } from "./incidents.ts";
import { findChannel, findDeliveries, toDelivery } from "./repository.ts";

const shared = { tags: ["Alerts"], security };

/** What there was to tell, and how the telling went. */
export const incidents = new OpenAPIHono<AppEnv>()
  .openapi(
    createRoute({
      ...shared,
      method: "get",
      path: "/v1/incidents",
      operationId: "listIncidents",
      summary: "What is or was wrong",
      description:
        "Open ones first, then newest first; closed ones for 30 days. What begins again within ten minutes is the same incident. Scope: `webhook:manage` or `session:manage`.",
      middleware: [authenticate("webhook:manage", "session:manage"), liveOnly] as const,
      request: { query: ListIncidents },
      responses: { 200: json(IncidentList, "A page of them."), ...problems("invalid-request") },
    }),
    async (c) => {
      const query = c.req.valid("query");
      const rows = await findIncidents(c.env.services.db, c.var.ctx.actor.workspaceId, query);
      const page = rows.slice(0, query.limit);
      const nextCursor = rows.length > query.limit ? (page.at(-1)?.id ?? null) : null;
      return c.json({ incidents: page.map(toIncident), nextCursor }, 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "get",
      path: "/v1/alert-channels/{id}/deliveries",
      operationId: "listAlertDeliveries",
      summary: "What was told",
      description: "To this channel, newest first, for 30 days. Scope: `webhook:manage`.",
      middleware: [authenticate("webhook:manage"), liveOnly] as const,
      request: { params: z.object({ id: AlertChannelId }), query: ListAlertDeliveries },
      responses: {
        200: json(AlertDeliveryList, "A page of them."),
        ...problems("invalid-request", "alert-channel-not-found"),
      },
    }),
    async (c) => {
      const { db } = c.env.services;
      const { workspaceId } = c.var.ctx.actor;
      const channelId = c.req.valid("param").id;
      const query = c.req.valid("query");
      const rows = await findDeliveries(db, workspaceId, { ...query, channelId });
      if (rows.length === 0 && !(await findChannel(db, workspaceId, channelId))) {
        throw new AppError("alert-channel-not-found");
      }
      const page = rows.slice(0, query.limit);
      const nextCursor = rows.length > query.limit ? (page.at(-1)?.id ?? null) : null;
      return c.json({ deliveries: page.map(toDelivery), nextCursor }, 200);
    },
  );
