import { AppError, type QrPageLink, type Scope } from "@sandi/contracts";
import { signLink, verifyLink } from "@sandi/crypto";
import { sql } from "kysely";
import type { z } from "zod";
import type { Context } from "../context.ts";
import type { Db } from "../db/schema.ts";
import type { SessionTable } from "../db/tables/sessions.ts";
import { isAmong } from "../addresses.ts";
import { endingOf } from "../auth/owner.ts";
import type { Services } from "../services.ts";

const lifetimeMs = 10 * 60_000;
/** The scopes that the link's key must have. */
const scopes: readonly Scope[] = ["session:manage"];

/** The signed part of the link: the page and the key. */
const pathOf = (sessionId: string, by: string) => `/v1/sessions/${sessionId}/qr-page?by=${by}`;

/** A link to the page of a session. It ends with its key. */
export async function qrPageLink(ctx: Context, sessionId: string): Promise<z.infer<typeof QrPageLink>> {
  const { linkKeys, publicUrl, now } = ctx.services;
  const { by, expiresAt: ends } = ctx.actor;
  const expiresAt = new Date(Math.min(now().getTime() + lifetimeMs, ends ?? Infinity));
  const path = pathOf(sessionId, by.id);
  const url = `${publicUrl}${path}&signature=${await signLink(linkKeys, path, expiresAt)}`;
  return { url, expiresAt: expiresAt.toISOString() };
}

interface Opened {
  sessionId: string;
  by: string;
  signature: string;
  /** The caller's address. */
  address: string;
}

/** The session of a link; undefined if it is deleted. Throws `link-invalid` if the link or its key has ended. */
export async function openQrPageLink(
  { db, linkKeys, now }: Services,
  { sessionId, by, signature, address }: Opened,
): Promise<Pick<SessionTable, "state" | "reason" | "phone"> | undefined> {
  const invalid = new AppError("link-invalid", { detail: "Ask for a new link." });
  if (!(await verifyLink(linkKeys, pathOf(sessionId, by), signature, now()))) throw invalid;
  const { rows } = await db.kysely.executeQuery(selectLinked(db, { sessionId, by, at: now().getTime() }));
  const [key] = rows;
  if (!key || key.endedBecause !== null) throw invalid;
  const ipAllowList = JSON.parse(key.ipAllowList) as string[];
  if (ipAllowList.length > 0 && !isAmong(address, ipAllowList)) {
    throw new AppError("address-not-allowed", { detail: "The key of this link may not be used from this address." });
  }
  return key.state === null ? undefined : { state: key.state, reason: key.reason, phone: key.phone };
}

type Linked = Pick<SessionTable, "reason" | "phone"> & {
  state: SessionTable["state"] | null;
  ipAllowList: string;
  endedBecause: string | null;
};

/** A key with the session of its workspace; the session's columns are null when it is deleted. */
const selectLinked = (db: Db, { sessionId, by, at }: { sessionId: string; by: string; at: number }) =>
  sql<Linked>`SELECT s.state, s.reason, s.phone, owner.ip_allow_list,
      ${endingOf({ createdBy: by, workspaceId: sql.ref("owner.workspace_id") }, { scopes, isOpen: false, at })} AS ended_because
    FROM api_key owner LEFT JOIN session s ON s.id = ${sessionId} AND s.workspace_id = owner.workspace_id
      AND s.desired <> 'deleted'
    WHERE owner.id = ${by}`.compile(db.kysely);
