import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { Session, SessionId } from "@sandi/contracts";
import type { AppEnv } from "../http/app-env.ts";
import { authenticateWithin, liveOnly } from "../http/auth.ts";
import { noBody } from "../http/body.ts";
import { idempotent, ofRepeats } from "../http/idempotent.ts";
import { idempotencyHeader, json, ofBodies, problems, security } from "../http/openapi.ts";
import { sessionChangeLimit } from "../limits/named.ts";
import { changeSession } from "./change-session.ts";

const params = z.object({ id: SessionId });
const manage = authenticateWithin(sessionChangeLimit, "session:manage");
const shared = { tags: ["Sessions"], security };
const asked = json(Session, "Asked for; the state follows.");

/** What the operator wants of a session. */
export const sessionLifecycle = new OpenAPIHono<AppEnv>()
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/sessions/{id}/start",
      operationId: "startSession",
      summary: "Start a session",
      description: "Connects a stopped session again; one that is to run already goes on as it is.",
      middleware: [manage, liveOnly, noBody, idempotent] as const,
      request: { params, headers: idempotencyHeader },
      responses: { 202: asked, ...problems(...ofBodies, ...ofRepeats, "session-not-found") },
    }),
    async (c) => {
      const start = { action: "session.started", desired: "running", unless: ["running"] } as const;
      return c.json(await changeSession(c.var.ctx, { ...c.req.valid("param"), ...start }), 202);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/sessions/{id}/stop",
      operationId: "stopSession",
      summary: "Stop a session",
      description:
        "Closes its connection and keeps it linked: `start` connects it again, without a QR code. What is queued for it waits, or goes out with another session.",
      middleware: [manage, liveOnly, noBody, idempotent] as const,
      request: { params, headers: idempotencyHeader },
      responses: { 202: asked, ...problems(...ofBodies, ...ofRepeats, "session-not-found") },
    }),
    async (c) => {
      const stop = { action: "session.stopped", desired: "stopped", unless: ["stopped", "logged_out"] } as const;
      return c.json(await changeSession(c.var.ctx, { ...c.req.valid("param"), ...stop }), 202);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/sessions/{id}/restart",
      operationId: "restartSession",
      summary: "Restart a session",
      description: "Opens a new connection; a session that has ended or was logged out shows QR codes again.",
      middleware: [manage, liveOnly, noBody, idempotent] as const,
      request: { params, headers: idempotencyHeader },
      responses: { 202: asked, ...problems(...ofBodies, ...ofRepeats, "session-not-found") },
    }),
    async (c) => {
      const restart = { action: "session.restarted", desired: "running" } as const;
      return c.json(await changeSession(c.var.ctx, { ...c.req.valid("param"), ...restart }), 202);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/sessions/{id}/logout",
      operationId: "logoutSession",
      summary: "Log a session out",
      description: "Unlinks the device and forgets its credentials; `restart` links it anew.",
      middleware: [manage, liveOnly, noBody, idempotent] as const,
      request: { params, headers: idempotencyHeader },
      responses: { 202: asked, ...problems(...ofBodies, ...ofRepeats, "session-not-found") },
    }),
    async (c) => {
      const logout = { action: "session.logged_out", desired: "logged_out" } as const;
      return c.json(await changeSession(c.var.ctx, { ...c.req.valid("param"), ...logout }), 202);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "delete",
      path: "/v1/sessions/{id}",
      operationId: "deleteSession",
      summary: "Delete a session",
      description: "Unlinks the device, forgets its credentials, and fails what still waits to be sent with it.",
      middleware: [manage, liveOnly, noBody, idempotent] as const,
      request: { params, headers: idempotencyHeader },
      responses: { 204: { description: "Deleted." }, ...problems(...ofBodies, ...ofRepeats, "session-not-found") },
    }),
    async (c) => {
      const remove = { action: "session.deleted", desired: "deleted" } as const;
      await changeSession(c.var.ctx, { ...c.req.valid("param"), ...remove });
      return c.body(null, 204);
    },
  );
