import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import {
  AppError,
  ChangeSession,
  CreatePairingCode,
  CreateSession,
  PairingCode,
  QrPageLink,
  QrRpc,
  Session,
  SessionId,
  SessionList,
  SessionQr,
} from "@sandi/contracts";
import { accepts } from "hono/accepts";
import type { Context } from "../context.ts";
import type { AppEnv } from "../http/app-env.ts";
import { authenticate, authenticateToRead, authenticateWithin, liveOnly } from "../http/auth.ts";
import { jsonBody, noBody } from "../http/body.ts";
import { repetitionOf } from "../http/idempotency.ts";
import { idempotent, idempotentSecret, ofRepeats } from "../http/idempotent.ts";
import { body, idempotencyHeader, json, ofBodies, problems, security } from "../http/openapi.ts";
import { sessionCreateLimit } from "../limits/named.ts";
import { writeAs } from "../keys/write-as.ts";
import { parsePhone } from "../phone.ts";
import type { Services } from "../services.ts";
import { ask } from "./connector.ts";
import { createPairingCode } from "./create-pairing-code.ts";
import { createSession } from "./create-session.ts";
import { qrPng, qrSvg } from "./qr.ts";
import { qrPageLink } from "./qr-link.ts";
import { editSession } from "./edit-session.ts";
import { notPairing } from "./not-pairing.ts";
import { findSession, selectSessions, toSession } from "./repository.ts";

const params = z.object({ id: SessionId });
const manage = authenticate("session:manage");
const asking = authenticateToRead(() => [], "session:manage");
const shared = { tags: ["Sessions"], security };

export const sessions = new OpenAPIHono<AppEnv>()
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/sessions",
      operationId: "createSession",
      summary: "Create a session",
      description:
        "A session is one WhatsApp account, linked to Sandi as a device. It starts by itself and shows QR codes: scan one with the phone that is to send. At most 50, and 100 made in an hour. Scope: `session:manage`, as for all of these.",
      middleware: [authenticateWithin(sessionCreateLimit, "session:manage"), liveOnly, jsonBody()] as const,
      request: { headers: idempotencyHeader, body: body(CreateSession, { name: "Jakarta support line" }) },
      responses: {
        201: json(Session, "Created."),
        ...problems(...ofBodies, "session-limit-reached", "pool-not-found", "idempotency-key-reused"),
      },
    }),
    async (c) => {
      const repetition = await repetitionOf(c);
      const { name, poolId } = c.req.valid("json");
      const input = { name, poolId, repetition };
      const { resource, replayed } = await createSession(c.var.ctx, input);
      if (replayed) c.header("Idempotent-Replayed", "true");
      c.header("Location", `/v1/sessions/${resource.id}`);
      return c.json(resource, 201);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "get",
      path: "/v1/sessions",
      operationId: "listSessions",
      summary: "List sessions",
      description: "All that are not deleted, oldest first.",
      middleware: [manage, liveOnly] as const,
      responses: { 200: json(SessionList, "All sessions, oldest first."), ...problems() },
    }),
    async (c) => {
      const { db, now } = c.env.services;
      const rows = await selectSessions(db, c.var.ctx.actor.workspaceId, now().getTime()).orderBy("id").execute();
      return c.json({ sessions: rows.map(toSession) }, 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "get",
      path: "/v1/sessions/{id}",
      operationId: "getSession",
      summary: "Look at a session",
      description: "Its state, why it is in it, and the linked number.",
      middleware: [manage, liveOnly] as const,
      request: { params },
      responses: { 200: json(Session, "As its connector last reported it."), ...problems("session-not-found") },
    }),
    async (c) => c.json(await sessionOf(c.env.services, c.var.ctx.actor.workspaceId, c.req.valid("param").id), 200),
  )
  .openapi(
    createRoute({
      ...shared,
      method: "patch",
      path: "/v1/sessions/{id}",
      operationId: "changeSession",
      summary: "Change a session",
      description: "Its name, which is yours to choose, and the sender pool that it belongs to.",
      middleware: [manage, liveOnly, jsonBody(), idempotent] as const,
      request: { params, headers: idempotencyHeader, body: body(ChangeSession, { name: "Bandung support line" }) },
      responses: {
        200: json(Session, "Changed."),
        ...problems(...ofBodies, ...ofRepeats, "session-not-found", "pool-not-found"),
      },
    }),
    async (c) => {
      const edit = { id: c.req.valid("param").id, change: c.req.valid("json") };
      return c.json(await editSession(c.var.ctx, edit), 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "get",
      path: "/v1/sessions/{id}/qr",
      operationId: "getSessionQr",
      summary: "The QR code on show",
      description: "As JSON, PNG or SVG, by `Accept`. It changes every 20 seconds or so; ask again at `expiresAt`.",
      middleware: [manage, liveOnly] as const,
      request: { params },
      responses: {
        200: {
          description: "The code to scan under Linked devices.",
          content: {
            "application/json": { schema: SessionQr },
            "image/png": { schema: z.string().meta({ format: "binary" }) },
            "image/svg+xml": { schema: z.string() },
          },
        },
        ...problems("session-not-found", "session-not-pairing", "connector-unavailable", "not-acceptable"),
      },
    }),
    async (c) => {
      const { services } = c.env;
      const { id: sessionId } = c.req.valid("param");
      const type = accepts(c, {
        header: "Accept",
        supports: ["application/json", "image/png", "image/svg+xml"],
        default: c.req.header("accept") === undefined ? "application/json" : "",
        match: bestMatch,
      });
      if (type === "") throw new AppError("not-acceptable", { detail: "JSON, PNG and SVG can be served." });
      const session = await sessionToLink(c.var.ctx, sessionId);
      const { qr } = await ask(services, QrRpc, { sessionId });
      if (!qr) throw notPairing(session);
      if (type === "image/png") return c.body(await qrPng(qr.qr), 200, { "content-type": type });
      if (type === "image/svg+xml") return c.body(qrSvg(qr.qr), 200, { "content-type": type });
      return c.json(qr, 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/sessions/{id}/pairing-code",
      operationId: "createPairingCode",
      summary: "A pairing code in place of a QR code",
      description:
        "For a phone that cannot scan: eight characters to type in. Asked for while the session is `pairing`. WhatsApp shows a prompt on the phone of the number's owner, so these are limited: 5 in ten minutes for a session, the quota's `pairingCodesPerHour` for the workspace, and 3 in a day for a number, over all workspaces. While a code for the same number is valid, it is answered again and counts nowhere. A repetition with the same `Idempotency-Key` is answered with a code that works.",
      middleware: [asking, liveOnly, jsonBody(), idempotentSecret] as const,
      request: { params, headers: idempotencyHeader, body: body(CreatePairingCode, { phone: "+6281200000001" }) },
      responses: {
        200: json(PairingCode, "To be typed on the phone under Linked devices."),
        ...problems(...ofBodies, ...ofRepeats, "session-not-found", "session-not-pairing", "connector-unavailable"),
      },
    }),
    async (c) => {
      const { id: sessionId } = c.req.valid("param");
      const { e164, written } = parsePhone(c.req.valid("json").phone, { pointer: "/phone" });
      return c.json(await createPairingCode(c.var.ctx, { sessionId, e164, written }), 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/sessions/{id}/qr-page",
      operationId: "createQrPageLink",
      summary: "A link to a live QR page",
      description:
        "For the person who holds the phone: a page with the live code that needs no API key, for ten minutes. The link ends with the API key that made it, and opens only from the addresses that the key may be used from. A repetition with the same `Idempotency-Key` is answered with a link that works.",
      middleware: [asking, liveOnly, noBody, idempotentSecret] as const,
      request: { params, headers: idempotencyHeader },
      responses: {
        200: json(QrPageLink, "Hand it to the person who links the phone."),
        ...problems(...ofBodies, ...ofRepeats, "session-not-found"),
      },
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      await sessionToLink(c.var.ctx, id);
      return c.json(await qrPageLink(c.var.ctx, id), 200);
    },
  );

async function sessionOf({ db, now }: Services, workspaceId: string, id: string): Promise<Session> {
  const row = await findSession(db, workspaceId, { id, at: now().getTime() });
  if (!row) throw new AppError("session-not-found");
  return toSession(row);
}

/** The same, and checks the key again: a key that was revoked a moment ago gets nothing that links an account. */
async function sessionToLink(ctx: Context, id: string): Promise<Session> {
  const { services, actor } = ctx;
  const at = services.now().getTime();
  const [{ rows }] = await writeAs(ctx, [selectSessions(services.db, actor.workspaceId, at).where("id", "=", id)]);
  const [row] = rows;
  if (!row) throw new AppError("session-not-found");
  return toSession(row);
}

/** The first supported type that the header takes, by its own order of preference. */
function bestMatch(
  ranges: { type: string; q: number }[],
  { supports, default: none }: { supports: string[]; default: string },
): string {
  for (const { type, q } of ranges.toSorted((a, b) => b.q - a.q)) {
    const found = supports.find(
      (each) => q > 0 && (type === each || type === "*/*" || type === `${each.split("/")[0]}/*`),
    );
    if (found) return found;
  }
  return none;
}
