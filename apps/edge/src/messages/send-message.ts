import { AppError, type CreateMessage, type Message, sealedFor, sealedPayload } from "@sandi/contracts";
import { phoneHash } from "@sandi/crypto";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import { formerHashes } from "../access-rules/former-hashes.ts";
import { isBlocked } from "../access-rules/match.ts";
import { createOnce } from "../writes/create-once.ts";
import type { Accepted, IdempotencyKey } from "../http/idempotency/create.ts";
import { hashScope, tenantOf } from "../auth/tenant.ts";
import { type Phone, prefixOf, storedMask } from "../phone.ts";
import { newId } from "../services.ts";
import { selectCandidate } from "../sessions/pick.ts";
import { toMessage } from "./present.ts";
import { withPreview } from "./link-preview.ts";
import { replyRoute } from "./reply-route.ts";
import { refuseInSandbox } from "./sandbox.ts";
import { senderOf } from "./sender-of.ts";
import { traceparentOf } from "../jobs/publish-soon.ts";
import { textJobs } from "./jobs.ts";
import { moveMessages } from "./life.ts";
import { selectMessage } from "./repository.ts";

const lifetimeMs = 24 * 3600_000;

interface Input {
  body: CreateMessage;
  /** The body's recipient. */
  phone: Phone;
  idempotencyKey: IdempotencyKey | undefined;
}

/** Accepts a message: the row and the job that sends it are one fact. */
export async function sendMessage(ctx: Context, { body, phone, idempotencyKey }: Input): Promise<Accepted<Message>> {
  const { services, actor, trace } = ctx;
  const { db } = services;
  const { workspaceId, scopes } = actor;
  const at = services.now().getTime();
  const tenant = tenantOf(actor);
  refuseInSandbox(phone.magic);
  const sender = senderOf(tenant);
  const id = newId(services, "msg");
  const { e164, country } = phone;
  const { sessionId, poolId, to: _, ...asked } = body;
  const content = await withPreview(services, asked);
  const scope = hashScope(tenant);
  const [sealed, toHash, former] = await Promise.all([
    services.seal(sealedPayload(e164, content), sealedFor.message(id, workspaceId)),
    phoneHash(services.phoneKey, scope, e164),
    formerHashes(services.phoneKey, scope, e164),
  ]);
  const { quotedMessageId } = content;
  const named = { sessionId, poolId };
  const route =
    quotedMessageId === undefined
      ? named
      : await replyRoute(db, tenant, { quotedMessageId, route: named, recipient: [toHash, ...former] });
  const subject = { workspaceId, toHash, formerHashes: former, digits: e164.slice(1), country, ip: undefined, at };
  const blocked = sender.isLimited ? isBlocked(subject) : sql<boolean>`0`;

  return createOnce(services, workspaceId, {
    table: "message",
    id,
    at,
    idempotencyKey,
    find: (made) => selectMessage(db, tenant, made),
    writes: (isFirst) => [
      sql`INSERT INTO message (id, workspace_id, session_id, type, to_masked, sealed, status, expires_at, test,
        created_at, updated_at, to_hash, pool_id, country, prefix)
      SELECT ${id}, ${workspaceId}, coalesce(${route.sessionId ?? null}, s.id), ${content.type}, ${storedMask(phone.masked)}, ${sealed}, 'queued',
        ${at + lifetimeMs}, ${tenant.test}, ${at}, ${at}, ${toHash},
        ${sender.poolOf(workspaceId, route)}, ${country}, ${prefixOf(e164)}
      FROM ${sender.pick({ workspaceId, route, toHash, at })} s
      WHERE s.may_write AND ${isFirst} AND NOT ${blocked}`.compile(db.kysely),
      ...sender.queue(db, workspaceId, textJobs, {
        which: sql`message.id = ${id}`,
        at,
        traceparent: traceparentOf(trace),
      }),
    ],
    undo: () => moveMessages(db, "cancel", { which: sql`id = ${id} AND workspace_id = ${workspaceId}`, at }),
    refuse: async () => {
      const { rules, candidates } = await db.read({
        rules: sql<{ isBlocked: number }>`SELECT ${blocked} AS is_blocked`,
        candidates: selectCandidate(db, workspaceId, { route, toHash, at }),
      });
      if (rules.rows[0]?.isBlocked === 1) return new AppError("destination-blocked");
      return sender.refusalOf(route, candidates.rows[0], { opensChat: true }) ?? new AppError("no-eligible-session");
    },
    present: (row) => toMessage(row, { now: at, scopes }),
    publish: (row) => sender.publish(services, textJobs, [{ ...row, publishCount: 1, trace }]),
    gone: "message-not-found",
  });
}
