import { AppError, type CreateMessage, type Message, sealedFor } from "@sandi/contracts";
import { phoneHash } from "@sandi/crypto";
import { sql } from "kysely";
import type { KnownKey } from "../db/schema.ts";
import { createOnce } from "../http/create-once.ts";
import type { Accepted, Repetition } from "../http/idempotency.ts";
import { hashScope, tenantOf } from "../keys/tenant.ts";
import { parsePhone } from "../phone.ts";
import { newId, type Services } from "../services.ts";
import { amongRoute, hasRoute, noOpener, noRoute, pickSender, poolOf, selectCandidate } from "../sessions/pick.ts";
import { toMessage } from "./present.ts";
import { refuseInSandbox, sandboxSteps, settleSandbox } from "./sandbox.ts";
import { firstPublishMs, publishLater, traceparentOf } from "./publish.ts";
import { blockMessage, selectMessage, withdrawMessage } from "./repository.ts";

const lifetimeMs = 24 * 3600_000;

interface Input {
  key: KnownKey;
  body: CreateMessage;
  repetition: Repetition | undefined;
}

/** Accepts a message: the row and the job that sends it are one fact. */
export async function sendMessage(services: Services, { key, body, repetition }: Input): Promise<Accepted<Message>> {
  const { db } = services;
  const { workspaceId, scopes } = key;
  const at = services.now().getTime();
  const tenant = tenantOf(key);
  const isTest = tenant.test === 1;
  const phone = parsePhone(body.to, { pointer: "/to", defaultCountry: key.policy.defaultCountry, isTest });
  if (isTest) refuseInSandbox(phone.magic);
  const id = newId(services, "msg");
  const [sealed, toHash] = await Promise.all([
    isTest ? null : services.seal({ to: phone.e164, text: body.text }, sealedFor.message(id, workspaceId)),
    phoneHash(services.phoneKey, hashScope(tenant), phone.e164),
  ]);
  const { sessionId, poolId } = body;
  const route = { sessionId, poolId };
  const sender = pickSender({ workspaceId, among: amongRoute(workspaceId, route), toHash, at });
  const lost = { id, now: at, repetition };

  return createOnce(services, workspaceId, {
    table: "message",
    id,
    at,
    repetition,
    find: (made) => selectMessage(db, tenant, made),
    statements: (isFirst) => [
      sql`INSERT INTO message (id, workspace_id, session_id, to_masked, sealed, status, publish_after, publish_count,
        expires_at, test, sandbox_steps, traceparent, created_at, updated_at, to_hash, pool_id)
      SELECT ${id}, ${workspaceId}, s.id, ${phone.masked}, ${sealed}, 'queued', ${at + firstPublishMs}, 1,
        ${at + lifetimeMs}, ${tenant.test}, ${isTest ? sandboxSteps(phone.magic, at) : null},
        ${traceparentOf(services.trace)}, ${at}, ${at}, ${toHash}, ${isTest ? null : poolOf(workspaceId, route)}
      FROM ${isTest ? sql`(SELECT ${sessionId ?? ""} AS id, 1 AS may_write WHERE ${hasRoute(workspaceId, route)})` : sender} s
      WHERE s.may_write AND ${isFirst}`.compile(db.kysely),
      ...(isTest ? [settleSandbox(db, workspaceId, at)] : []),
    ],
    block: blockMessage(db, workspaceId, lost),
    withdraw: () => [withdrawMessage(db, workspaceId, lost)],
    refuse: async () => {
      const { rows } = await db.kysely.executeQuery(selectCandidate(db, workspaceId, { route, toHash, at }));
      return (isTest ? noRoute : noOpener)(route, rows[0]) ?? new AppError("no-eligible-session");
    },
    present: (row) => toMessage(row, { now: at, scopes }),
    publish: (row) => {
      if (!isTest) publishLater(services, workspaceId, { ...row, publishCount: 1 });
    },
    gone: "message-not-found",
  });
}
