import { AppError, type CreateMessage, type Message, sealedFor, sealedPayload } from "@sandi/contracts";
import { phoneHash } from "@sandi/crypto";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import { formerHashes } from "../access-rules/former-hashes.ts";
import { isBlocked } from "../access-rules/match.ts";
import { createOnce } from "../writes/create-once.ts";
import type { Accepted, IdempotencyKey } from "../http/idempotency/create.ts";
import { hashScope, tenantOf } from "../auth/tenant.ts";
import { type Phone, prefixOf } from "../phone.ts";
import { newId } from "../services.ts";
import { amongRoute, hasRoute, noOpener, noRoute, pickSender, poolOf, selectCandidate } from "../sessions/pick.ts";
import { toMessage } from "./present.ts";
import { refuseInSandbox, sandboxSteps, settleSandbox } from "./sandbox.ts";
import { appendJob } from "../jobs/append-job.ts";
import { publishSoon, traceparentOf } from "../jobs/publish-soon.ts";
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
  const isTest = tenant.test === 1;
  if (isTest) refuseInSandbox(phone.magic);
  const id = newId(services, "msg");
  const { e164, country } = phone;
  const { sessionId, poolId, to: _, ...content } = body;
  const scope = hashScope(tenant);
  const [sealed, toHash, former] = await Promise.all([
    isTest ? null : services.seal(sealedPayload(e164, content), sealedFor.message(id, workspaceId)),
    phoneHash(services.phoneKey, scope, e164),
    isTest ? [] : formerHashes(services.phoneKey, scope, e164),
  ]);
  const route = { sessionId, poolId };
  const sender = pickSender({ workspaceId, among: amongRoute(workspaceId, route), toHash, at });
  const subject = { workspaceId, toHash, formerHashes: former, digits: e164.slice(1), country, ip: undefined, at };
  const blocked = isBlocked(subject);

  return createOnce(services, workspaceId, {
    table: "message",
    id,
    at,
    idempotencyKey,
    find: (made) => selectMessage(db, tenant, made),
    writes: (isFirst) => [
      sql`INSERT INTO message (id, workspace_id, session_id, type, to_masked, sealed, status, expires_at, test,
        sandbox_steps, created_at, updated_at, to_hash, pool_id, country, prefix)
      SELECT ${id}, ${workspaceId}, s.id, ${content.type}, ${phone.masked}, ${sealed}, 'queued',
        ${at + lifetimeMs}, ${tenant.test}, ${isTest ? sandboxSteps(phone.magic, at) : null}, ${at}, ${at}, ${toHash}, ${isTest ? null : poolOf(workspaceId, route)},
        ${country}, ${prefixOf(e164)}
      FROM ${isTest ? sql`(SELECT ${sessionId ?? ""} AS id, 1 AS may_write WHERE ${hasRoute(workspaceId, route)})` : sender} s
      WHERE s.may_write AND ${isFirst} AND ${isTest ? sql`1` : sql`NOT ${blocked}`}`.compile(db.kysely),
      ...(isTest
        ? settleSandbox(db, workspaceId, at)
        : [
            appendJob(db, textJobs, {
              which: sql`message.id = ${id}`,
              at,
              traceparent: traceparentOf(trace),
            }),
          ]),
    ],
    undo: moveMessages(db, "cancel", { which: sql`id = ${id} AND workspace_id = ${workspaceId}`, at }),
    refuse: async () => {
      const { rules, candidates } = await db.read({
        rules: sql<{ isBlocked: number }>`SELECT ${blocked} AS is_blocked`,
        candidates: selectCandidate(db, workspaceId, { route, toHash, at }),
      });
      if (!isTest && rules.rows[0]?.isBlocked === 1) return new AppError("destination-blocked");
      return (isTest ? noRoute : noOpener)(route, candidates.rows[0]) ?? new AppError("no-eligible-session");
    },
    present: (row) => toMessage(row, { now: at, scopes }),
    publish: (row) => {
      if (!isTest) publishSoon(services, textJobs, [{ ...row, publishCount: 1, trace }]);
    },
    gone: "message-not-found",
  });
}
