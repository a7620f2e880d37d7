import { z } from "zod";
import { Session, SessionId, SetSessionProxy } from "@sandi/contracts";
import { noContent, ok } from "../http/answers.ts";
import { operation, type Operation } from "../http/operation.ts";
import { sessionChangeLimit } from "../rate-limits/named.ts";
import { changeProxy } from "./change-proxy.ts";

const byId = z.object({ id: SessionId });
const example = { url: "socks5://user:password@proxy.example.com:1080" };

export const proxyOperations: readonly Operation[] = [
  operation({
    id: "setSessionProxy",
    method: "put",
    path: "/v1/sessions/{id}/proxy",
    scope: "session:manage",
    live: true,
    idempotent: "change",
    summary: "Send a session through a proxy",
    description:
      "The session opens a new connection, and all its traffic goes through the proxy (`http`, `https` or `socks5`). While the proxy fails, the session waits with the reason `proxy_unreachable` and never connects without the proxy. The proxy must be on the public internet. Its credentials are never shown.",
    limits: sessionChangeLimit,
    params: byId,
    body: { schema: SetSessionProxy, example },
    answers: ok(Session, "Stored; the state follows."),
    handle: (ctx, { params, body }) => changeProxy(ctx, { id: params.id, url: body.url }),
  }),
  operation({
    id: "deleteSessionProxy",
    method: "delete",
    path: "/v1/sessions/{id}/proxy",
    scope: "session:manage",
    live: true,
    idempotent: "change",
    summary: "Remove a session's proxy",
    description: "The session opens a new connection, from Sandi's own address.",
    limits: sessionChangeLimit,
    params: byId,
    answers: noContent("Removed."),
    handle: async (ctx, { params }) => {
      await changeProxy(ctx, { id: params.id, url: null });
    },
  }),
];
