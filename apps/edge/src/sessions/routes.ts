import { z } from "zod";
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
import { created, ok } from "../http/answers.ts";
import { operation, type Operation } from "../http/operation.ts";
import type { Context } from "../context.ts";
import { sessionCreateLimit } from "../rate-limits/named.ts";
import { commitAs } from "../writes/commit-as.ts";
import { parsePhone } from "../phone.ts";
import { ask } from "./connector.ts";
import { createPairingCode } from "./create-pairing-code.ts";
import { createSession } from "./create-session.ts";
import { qrPng, qrSvg } from "./qr.ts";
import { qrPageLink } from "./qr-link.ts";
import { changeSession } from "./change-session.ts";
import { notPairing } from "./not-pairing.ts";
import { findSession, selectSessions, toSession } from "./repository.ts";

const byId = z.object({ id: SessionId });

export const sessionOperations: readonly Operation[] = [
  operation({
    id: "createSession",
    method: "post",
    path: "/v1/sessions",
    scope: "session:manage",
    live: true,
    idempotent: "create",
    summary: "Create a session",
    description:
      "A session is one WhatsApp account, linked to Sandi as a device. It starts by itself and shows QR codes: scan one with the phone of the account. At most 50 sessions, and 100 created in an hour.",
    limits: sessionCreateLimit,
    body: { schema: CreateSession, example: { name: "Jakarta support line" } },
    answers: created(Session, "Created."),
    throws: ["session-limit-reached", "pool-not-found"],
    handle: (ctx, { body: { name, poolId }, idempotencyKey }) => createSession(ctx, { name, poolId, idempotencyKey }),
  }),
  operation({
    id: "listSessions",
    method: "get",
    path: "/v1/sessions",
    scope: "session:manage",
    live: true,
    summary: "List sessions",
    description: "All sessions that are not deleted, oldest first.",
    answers: ok(SessionList, "All sessions, oldest first."),
    handle: async ({ services: { db, now }, actor }) => {
      const rows = await selectSessions(db, actor.workspaceId, now().getTime()).orderBy("id").execute();
      return { sessions: rows.map(toSession) };
    },
  }),
  operation({
    id: "getSession",
    method: "get",
    path: "/v1/sessions/{id}",
    scope: "session:manage",
    live: true,
    summary: "Get a session",
    description: "Its state, the reason for its state, and the linked number.",
    params: byId,
    answers: ok(Session, "The session, as its connector last reported it."),
    handle: async ({ services: { db, now }, actor }, { params }) => {
      const row = await findSession(db, actor.workspaceId, { id: params.id, at: now().getTime() });
      if (!row) throw new AppError("session-not-found");
      return toSession(row);
    },
  }),
  operation({
    id: "changeSession",
    method: "patch",
    path: "/v1/sessions/{id}",
    scope: "session:manage",
    live: true,
    idempotent: "change",
    summary: "Change a session",
    description: "Changes its name, its sender pool or its settings. The session stays connected.",
    params: byId,
    body: { schema: ChangeSession, example: { name: "Bandung support line" } },
    answers: ok(Session, "Changed."),
    throws: ["pool-not-found"],
    handle: (ctx, { params, body }) => changeSession(ctx, { id: params.id, change: body }),
  }),
  operation({
    id: "getSessionQr",
    method: "get",
    path: "/v1/sessions/{id}/qr",
    scope: "session:manage",
    live: true,
    summary: "Get the QR code",
    description:
      "As JSON, PNG or SVG, by `Accept`. The code changes about every 20 seconds: repeat the request at `expiresAt`.",
    params: byId,
    answers: {
      status: 200,
      description: "The code to scan under Linked devices.",
      content: {
        "application/json": { schema: SessionQr },
        "image/png": { schema: z.string().meta({ format: "binary" }) },
        "image/svg+xml": { schema: z.string() },
      },
      render: (qr: z.output<typeof SessionQr>) => qr,
    },
    throws: ["session-not-pairing", "connector-unavailable", "not-acceptable"],
    handle: async (ctx, { params: { id: sessionId } }, c) => {
      const type = accepts(c, {
        header: "Accept",
        supports: ["application/json", "image/png", "image/svg+xml"],
        default: c.req.header("accept") === undefined ? "application/json" : "",
        match: bestMatch,
      });
      if (type === "") throw new AppError("not-acceptable", { detail: "Supported are JSON, PNG and SVG." });
      const session = await sessionToLink(ctx, sessionId);
      const { qr } = await ask(ctx.services, QrRpc, { sessionId });
      if (!qr) throw notPairing(session);
      if (type === "image/png") return c.body(await qrPng(qr.qr), 200, { "content-type": type });
      if (type === "image/svg+xml") return c.body(qrSvg(qr.qr), 200, { "content-type": type });
      return qr;
    },
  }),
  operation({
    id: "createPairingCode",
    method: "post",
    path: "/v1/sessions/{id}/pairing-code",
    scope: "session:manage",
    live: true,
    idempotent: "secret",
    summary: "Create a pairing code",
    description:
      "For a phone that cannot scan a QR code: eight characters to type in. The session must be `pairing`. WhatsApp shows a prompt on the phone of the number's owner, so these codes are limited: 5 in ten minutes for a session, the quota's `pairingCodesPerHour` for the workspace, and 3 in a day for a number, over all workspaces. While a code for the same number is valid, the answer has the same code, and no limit counts it. A repetition with the same `Idempotency-Key` gets a valid code.",
    params: byId,
    body: { schema: CreatePairingCode, example: { phone: "+6281200000001" } },
    answers: ok(PairingCode, "The code to type on the phone under Linked devices."),
    throws: ["session-not-pairing", "connector-unavailable"],
    handle: (ctx, { params: { id: sessionId }, body }) => {
      const { e164, written } = parsePhone(body.phone, { pointer: "/phone" });
      return createPairingCode(ctx, { sessionId, e164, written });
    },
  }),
  operation({
    id: "createQrPageLink",
    method: "post",
    path: "/v1/sessions/{id}/qr-page",
    scope: "session:manage",
    live: true,
    idempotent: "secret",
    summary: "Create a link to a live QR page",
    description:
      "For the person who has the phone: a page with the live QR code that needs no API key, for ten minutes. The link ends with the API key that created it, and opens only from addresses that the key allows. A repetition with the same `Idempotency-Key` gets a valid link.",
    params: byId,
    answers: ok(QrPageLink, "The link for the person who links the phone."),
    handle: async (ctx, { params: { id } }) => {
      await sessionToLink(ctx, id);
      return qrPageLink(ctx, id);
    },
  }),
];

/** Checks the key again, because a revoked key in the cache must not link an account. */
async function sessionToLink(ctx: Context, id: string): Promise<Session> {
  const { services, actor } = ctx;
  const at = services.now().getTime();
  const {
    row: [row],
  } = await commitAs(ctx, {
    writes: [],
    reads: { row: selectSessions(services.db, actor.workspaceId, at).where("id", "=", id) },
  });
  if (!row) throw new AppError("session-not-found");
  return toSession(row);
}

/** The supported type that the header prefers. */
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
