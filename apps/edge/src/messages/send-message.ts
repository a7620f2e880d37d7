import { AppError, type CreateMessage, type Message } from "@sandi/contracts";
import { sql } from "kysely";
import { recover } from "../db/lost-writes.ts";
import type { KnownKey } from "../db/schema.ts";
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
import { tenantOf } from "../keys/tenant.ts";
import { parsePhone } from "../phone.ts";
import { newId, type Services } from "../services.ts";
import { noSession, pickSession, selectCandidate } from "../sessions/pick.ts";
import type { MessageRow } from "./present.ts";
import { toMessage } from "./present.ts";
import { refuseInSandbox, sandboxSteps, settleSandbox } from "./sandbox.ts";
import { firstPublishMs, publishLater } from "./publish.ts";
import { blockMessage, findMessage, selectMessage, withdrawMessage } from "./repository.ts";

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
  const viewer = { now: at, scopes };
  const tenant = tenantOf(key);
  const isTest = tenant.test === 1;
  const phone = parsePhone(body.to, { pointer: "/to", defaultCountry: key.policy.defaultCountry, isTest });
  if (isTest) refuseInSandbox(phone.magic);
  const sealed = isTest ? null : await services.seal({ to: phone.e164, text: body.text });
  const id = newId(services, "msg");
  const since = at - idempotencyTtlMs;

  const statements = [
    selectEarlier(db, workspaceId, repetition, since),
    sql`INSERT INTO message (id, workspace_id, session_id, to_masked, sealed, status, publish_after, publish_count,
        expires_at, test, sandbox_steps, created_at, updated_at)
      SELECT ${id}, ${workspaceId}, id, ${phone.masked}, ${sealed}, 'queued', ${at + firstPublishMs}, 1,
        ${at + lifetimeMs}, ${tenant.test}, ${isTest ? sandboxSteps(phone.magic, at) : null}, ${at}, ${at}
      FROM ${isTest ? sql`(SELECT ${body.sessionId} AS id)` : sql`session`}
      WHERE ${isTest ? sql`true` : sql`id = ${pickSession(workspaceId, body.sessionId)}`}
        AND ${notRepeated(workspaceId, repetition, since)}`.compile(db.kysely),
    ...noteRepetition(db, workspaceId, { repetition, made: sql`SELECT id FROM message WHERE id = ${id}`, at }),
    ...(isTest ? [settleSandbox(db, workspaceId, at)] : []),
    selectMessage(db, tenant, id),
  ];

  let earlier: Earlier | undefined;
  let stored: MessageRow | undefined;
  try {
    const results = await db.write(statements);
    earlier = results[0]?.rows[0] as Earlier | undefined;
    stored = results.at(-1)?.rows[0] as MessageRow | undefined;
  } catch (error) {
    const lost = { id, now: at, repetition };
    stored = await recover(services, error, {
      settle: async () => {
        const [blocked, { rows }] = await db.write([
          blockMessage(db, workspaceId, lost),
          selectMessage(db, tenant, id),
        ]);
        return blocked.numAffectedRows === 0n ? rows[0] : undefined;
      },
      withdraw: () =>
        db.write([withdrawMessage(db, workspaceId, lost), ...forgetRepetition(db, workspaceId, { repetition, at })]),
    });
  }

  if (earlier) {
    const render = async (made: string) => {
      const row = await findMessage(db, tenant, made, at);
      if (!row) throw new AppError("message-not-found");
      return toMessage(row, viewer);
    };
    return replay(services, workspaceId, { earlier, repetition, render });
  }
  if (!stored) {
    const candidate = await selectCandidate(db, workspaceId, body.sessionId).executeTakeFirst();
    throw noSession(body.sessionId, candidate) ?? new AppError("no-eligible-session");
  }
  const message = toMessage(stored, viewer);
  if (!isTest) publishLater(services, workspaceId, { ...stored, publishCount: 1 });
  keepResponse(services, workspaceId, { repetition, response: message });
  return { resource: message, replayed: false };
}
