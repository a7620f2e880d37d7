import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { Session, SessionId, SetSessionProxy } from "@sandi/contracts";
import type { AppEnv } from "../http/app-env.ts";
import { authenticateWithin, liveOnly } from "../http/auth.ts";
import { jsonBody, noBody } from "../http/body.ts";
import { idempotent, ofRepeats } from "../http/idempotent.ts";
import { body, idempotencyHeader, json, ofBodies, problems, security } from "../http/openapi.ts";
import { sessionChangeLimit } from "../limits/named.ts";
import { changeProxy } from "./change-proxy.ts";

const params = z.object({ id: SessionId });
const manage = authenticateWithin(sessionChangeLimit, "session:manage");
const shared = { tags: ["Sessions"], security };
const example = { url: "socks5://user:password@proxy.example.com:1080" };

export const sessionProxies = new OpenAPIHono<AppEnv>()
  .openapi(
    createRoute({
      ...shared,
      method: "put",
      path: "/v1/sessions/{id}/proxy",
      operationId: "setSessionProxy",
      summary: "Send a session through a proxy",
      description:
        "All of its traffic goes through the proxy (`http`, `https` or `socks5`), over a new connection; while the proxy fails the session waits with the reason `proxy_unreachable` and never goes around it. It must be on the public internet. Its credentials are shown to nobody.",
      middleware: [manage, liveOnly, jsonBody(), idempotent] as const,
      request: { params, headers: idempotencyHeader, body: body(SetSessionProxy, example) },
      responses: {
        200: json(Session, "Stored; the state follows."),
        ...problems(...ofBodies, ...ofRepeats, "session-not-found"),
      },
    }),
    async (c) => {
      const change = { id: c.req.valid("param").id, url: c.req.valid("json").url };
      return c.json(await changeProxy(c.var.ctx, change), 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "delete",
      path: "/v1/sessions/{id}/proxy",
      operationId: "deleteSessionProxy",
      summary: "Take a session's proxy away",
      description: "It connects anew, from Sandi's own address.",
      middleware: [manage, liveOnly, noBody, idempotent] as const,
      request: { params, headers: idempotencyHeader },
      responses: { 204: { description: "Gone." }, ...problems(...ofBodies, ...ofRepeats, "session-not-found") },
    }),
    async (c) => {
      await changeProxy(c.var.ctx, { id: c.req.valid("param").id, url: null });
      return c.body(null, 204);
    },
  );
