import { AppError, type CreateVerification, type Verification } from "@sandi/contracts";
import { codeMac, numericCode, phoneHash } from "@sandi/crypto";
import { sql } from "kysely";
import { recover } from "../db/lost-writes.ts";
import type { Db, KnownKey } from "../db/schema.ts";
import {
  type Accepted,
  type Earlier,
  forgetRepetition,
  idempotencyTtlMs,
  keepResponse,
  noteRepetition,
  notRepeated,
  type Repetition,
  replay,
  selectEarlier,
} from "../http/idempotency.ts";
import { firstPublishMs, publishLater } from "../messages/publish.ts";
import { blockMessage, withdrawMessage } from "../messages/repository.ts";
import { parsePhone } from "../phone.ts";
import { newId, type Services } from "../services.ts";
import { noSession, pickSession, selectCandidate } from "../sessions/pick.ts";
import { toVerification, type VerificationRow } from "./present.ts";
import { findVerification, selectVerification } from "./repository.ts";
import { lifetimePlaceholder, otpTemplate } from "./template.ts";

const sends = 5;
const checks = 5;
const codeDigits = 6;
/** Before the second, third, fourth and fifth send. */
const cooldownsMs = [30_000, 60_000, 120_000, 300_000] as const;

interface Input {
  key: KnownKey;
  body: CreateVerification;
  repetition: Repetition | undefined;
}

/** Creates a verification or sends a pending one's code again: rows and job are one fact, stored in one batch. */
export async function createVerification(services: Services, input: Input): Promise<Accepted<Verification>> {
  const { db } = services;
  const { key, repetition } = input;
  const at = services.now().getTime();
  const messageId = newId(services, "msg");
  const id = newId(services, "ver");
  const prepared = await prepare(services, input, { at, id, messageId });
  const batch = prepared.statements;

  let stored: VerificationRow | undefined;
  let earlier: Earlier | undefined;
  try {
    const results = await db.write(batch);
    earlier = results[0].rows[0];
    stored = results.at(-1)?.rows[0] as VerificationRow | undefined;
  } catch (error) {
    stored = await recover(services, error, remedy(db, input, { at, id, messageId }));
  }

  if (earlier) {
    const render = (made: string) => renderAnew(services, key, made);
    return replay(services, key.workspaceId, { earlier, repetition, render });
  }
  if (!stored) throw await refusal(services, input, prepared.toHash);
  const verification = toVerification(stored, { now: at, scopes: key.scopes, created: stored.id === id });
  publishLater(services, key.workspaceId, {
    id: messageId,
    sessionId: stored.sessionId,
    expiresAt: stored.expiresAt,
    publishCount: 1,
  });
  keepResponse(services, key.workspaceId, { repetition, response: verification });
  return { resource: verification, replayed: false };
}

interface Ids {
  at: number;
  id: string;
  messageId: string;
}

/** For the batch whose answer was lost; to withdraw a resend gives its send back. */
function remedy(db: Db, { key: { workspaceId }, repetition }: Input, { at, id, messageId }: Ids) {
  const lost = { id: messageId, now: at, repetition };
  return {
    settle: async () => {
      const [, { rows }] = await db.write([
        blockMessage(db, workspaceId, lost),
        selectVerification(db, workspaceId, idOfMessage(messageId)),
      ]);
      return rows[0];
    },
    withdraw: () =>
      db.write([
        withdrawMessage(db, workspaceId, lost),
        ...forgetRepetition(db, workspaceId, { repetition, at }),
        // The code of a verification that nobody was told of is forgotten.
        sql`UPDATE verification SET status = 'canceled', code_mac = NULL, sealed_code = NULL, updated_at = ${at}
          WHERE id = ${id} AND workspace_id = ${workspaceId} AND status = 'pending' AND message_id = ${messageId}
            AND ${isWithdrawn(messageId)}`.compile(db.kysely),
        sql`UPDATE verification SET sends_left = sends_left + 1, next_send_at = ${at}, updated_at = ${at}
          WHERE id = ${idOfMessage(messageId)} AND id <> ${id} AND workspace_id = ${workspaceId} AND status = 'pending'
            AND message_id = ${messageId} AND next_send_at > ${at} AND ${isWithdrawn(messageId)}`.compile(db.kysely),
      ]),
  };
}

const isWithdrawn = (messageId: string) =>
  sql<boolean>`EXISTS (SELECT 1 FROM message m WHERE m.id = ${messageId} AND m.status = 'canceled')`;

const idOfMessage = (messageId: string) => sql<string>`(SELECT verification_id FROM message WHERE id = ${messageId})`;

async function prepare(
  { db, phoneKey, peppers, random, seal }: Services,
  { key, body, repetition }: Input,
  { at, id, messageId }: Ids,
) {
  const { workspaceId } = key;
  const phone = parsePhone(body.to, "/to");
  const code = numericCode(codeDigits, random);
  const [toHash, macs, sealed] = await Promise.all([
    phoneHash(phoneKey, workspaceId, phone.e164),
    codeMac(peppers, { verificationId: id, code }),
    seal({ to: phone.e164, code }),
  ]);
  const expiresAt = at + body.expiresIn * 1000;
  const since = at - idempotencyTtlMs;
  const template = otpTemplate(body.companyName ?? key.workspaceName);
  const session = pickSession(workspaceId, body.route?.sessionId);
  const [first, second, third, fourth] = cooldownsMs;
  const pending = sql`workspace_id = ${workspaceId} AND to_hash = ${toHash} AND purpose = ${body.purpose}
    AND status = 'pending'`;
  // To cancel what was sent and to start anew is another send, and waits like one.
  const coolingDown = sql`EXISTS (SELECT 1 FROM verification c WHERE c.workspace_id = ${workspaceId}
    AND c.to_hash = ${toHash} AND c.purpose = ${body.purpose} AND c.status = 'canceled' AND c.next_send_at > ${at}
    AND EXISTS (SELECT 1 FROM message m WHERE m.verification_id = c.id AND m.status <> 'canceled'))`;
  const minutes = sql`max(1, CAST((v.expires_at - ${at}) / 60000 AS INTEGER))`;

  const statements = [
    selectEarlier(db, workspaceId, repetition, since),
    sql`UPDATE verification SET status = 'expired', sealed_code = NULL, code_mac = NULL, updated_at = ${at}
      WHERE ${pending} AND expires_at <= ${at}`.compile(db.kysely),
    sql`INSERT INTO verification (id, workspace_id, to_hash, to_masked, purpose, status, mode, code_mac, sealed_code,
        attempts_left, sends_left, next_send_at, expires_at, message_id, metadata, test, created_at, updated_at)
      SELECT ${id}, ${workspaceId}, ${toHash}, ${phone.masked}, ${body.purpose}, 'pending', 'push', ${macs[0]}, ${sealed},
        ${checks}, ${sends - 1}, ${at + first}, ${expiresAt}, ${messageId}, ${JSON.stringify(body.metadata ?? {})},
        ${key.environment === "test" ? 1 : 0}, ${at}, ${at}
      FROM session WHERE id = ${session} AND NOT ${coolingDown} AND ${notRepeated(workspaceId, repetition, since)}
      ON CONFLICT (workspace_id, to_hash, purpose) WHERE status = 'pending' DO UPDATE SET
        sends_left = sends_left - 1, message_id = excluded.message_id, updated_at = ${at},
        next_send_at = ${at} + CASE sends_left WHEN 4 THEN ${second} WHEN 3 THEN ${third} ELSE ${fourth} END
      WHERE sends_left > 0 AND next_send_at <= ${at}`.compile(db.kysely),
    sql`INSERT INTO message (id, workspace_id, session_id, verification_id, to_masked, template, status,
        publish_after, publish_count, expires_at, created_at, updated_at)
      SELECT ${messageId}, v.workspace_id, ${session}, v.id, v.to_masked,
        replace(${template}, ${lifetimePlaceholder}, ${minutes} || CASE ${minutes} WHEN 1 THEN ' minute' ELSE ' minutes' END),
        'queued', ${at + firstPublishMs}, 1, v.expires_at, ${at}, ${at}
      FROM verification v WHERE v.workspace_id = ${workspaceId} AND v.to_hash = ${toHash} AND v.purpose = ${body.purpose}
        AND v.status = 'pending' AND v.message_id = ${messageId}`.compile(db.kysely),
    sql`UPDATE message SET status = 'canceled', updated_at = ${at}
      WHERE verification_id = ${idOfMessage(messageId)} AND id <> ${messageId} AND status = 'queued'`.compile(
      db.kysely,
    ),
    ...noteRepetition(db, workspaceId, {
      repetition,
      made: sql`SELECT verification_id AS id FROM message WHERE id = ${messageId}`,
      at,
    }),
    selectVerification(db, workspaceId, idOfMessage(messageId)),
  ] as const;
  return { statements, toHash };
}

async function renderAnew({ db, now }: Services, key: KnownKey, id: string): Promise<Verification> {
  const row = await findVerification(db, key.workspaceId, id);
  if (!row) throw new AppError("verification-not-found");
  return toVerification(row, { now: now().getTime(), scopes: key.scopes, created: row.sendsLeft === sends - 1 });
}

/** Nothing was stored: because no session can send, or because it is too early. */
async function refusal({ db, now }: Services, { key, body }: Input, toHash: string): Promise<AppError> {
  const asked = body.route?.sessionId;
  const [sessions, pending] = await db.read([
    selectCandidate(db, key.workspaceId, asked),
    db.kysely
      .selectFrom("verification")
      .select(["status", "sendsLeft", "nextSendAt", "expiresAt"])
      .where("workspaceId", "=", key.workspaceId)
      .where("toHash", "=", toHash)
      .where("purpose", "=", body.purpose)
      .where("status", "in", ["pending", "canceled"])
      .orderBy(sql`status = 'pending' DESC, next_send_at DESC`),
  ]);
  const row = pending.rows[0];
  const seconds = (until: number) => Math.max(1, Math.ceil((until - now().getTime()) / 1000));
  const error = noSession(asked, sessions.rows[0]);
  if (error) return error;
  if (row?.status === "pending" && row.sendsLeft === 0) {
    const detail = "Check the code that was sent, cancel the verification, or wait until it expires.";
    return new AppError("sends-exhausted", { detail, retryAfter: seconds(row.expiresAt) });
  }
  return new AppError("resend-cooldown", { retryAfter: seconds(row?.nextSendAt ?? 0) });
}
