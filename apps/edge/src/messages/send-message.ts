import { AppError, type CreateMessage, type Message } from "@sandi/contracts";
import { sql } from "kysely";
import { isUnreachable } from "../db/failures.ts";
import type { KnownKey } from "../db/schema.ts";
import {
  type Earlier,
  idempotencyTtlMs,
  notRepeated,
  rememberResponse,
  type Repetition,
  sameRequest,
  selectEarlier,
} from "../http/idempotency.ts";
import { parsePhone } from "../phone.ts";
import { newId, type Services } from "../services.ts";
import { noSession, pickSession, selectCandidate } from "../sessions/pick.ts";
import type { MessageRow } from "./present.ts";
import { toMessage } from "./present.ts";
import { firstPublishMs, publishLater } from "./publish.ts";
import { findMessage, selectMessage, voidMessage } from "./repository.ts";

const lifetimeMs = 24 * 3600_000;

interface Input {
  key: KnownKey;
  body: CreateMessage;
  repetition: Repetition | undefined;
}

/** Accepts a message: the row and the job that sends it are one fact. */
export async function sendMessage(
  services: Services,
  { key, body, repetition }: Input,
): Promise<{ resource: Message; replayed: boolean }> {
  const { db } = services;
  const { workspaceId, scopes } = key;
  const at = services.now().getTime();
  const viewer = { now: at, scopes };
  const phone = parsePhone(body.to, "/to");
  const sealed = await services.seal({ to: phone.e164, text: body.text });
  const id = newId(services, "msg");
  const since = at - idempotencyTtlMs;

  const statements = [
    selectEarlier(db, workspaceId, repetition, since),
    sql`INSERT INTO message (id, workspace_id, session_id, to_masked, sealed, status, publish_after, publish_count,
        expires_at, created_at, updated_at)
      SELECT ${id}, ${workspaceId}, id, ${phone.masked}, ${sealed}, 'queued', ${at + firstPublishMs}, 1,
        ${at + lifetimeMs}, ${at}, ${at}
      FROM session WHERE id = ${pickSession(workspaceId, body.sessionId)}
        AND ${notRepeated(workspaceId, repetition, since)}`.compile(db.kysely),
    ...(repetition
      ? [
          sql`INSERT OR REPLACE INTO idempotency (workspace_id, key_hash, fingerprint, resource_id, created_at)
            SELECT ${workspaceId}, ${repetition.keyHash}, ${repetition.fingerprint}, id, ${at}
            FROM message WHERE id = ${id}`.compile(db.kysely),
        ]
      : []),
    selectMessage(db, workspaceId, id),
  ] as const;

  let earlier: Earlier | undefined;
  let stored: MessageRow | undefined;
  try {
    const results = await db.write(statements);
    earlier = results[0].rows[0];
    stored = results.at(-1)?.rows[0] as MessageRow | undefined;
  } catch (error) {
    if (!isUnreachable(error) || (await voidMessage(db, workspaceId, { id, now: at }))) throw error;
    stored = await findMessage(db, workspaceId, id);
  }

  if (earlier) {
    const { response, resourceId } = sameRequest(earlier, repetition);
    if (response !== null) return { resource: JSON.parse(response) as Message, replayed: true };
    const row = await findMessage(db, workspaceId, resourceId);
    if (!row) throw new AppError("message-not-found");
    return { resource: toMessage(row, viewer), replayed: true };
  }
  if (!stored) {
    const candidate = await selectCandidate(db, workspaceId, body.sessionId).executeTakeFirst();
    throw noSession(body.sessionId, candidate) ?? new AppError("no-eligible-session");
  }
  const message = toMessage(stored, viewer);
  publishLater(services, workspaceId, { ...stored, publishCount: 1 });
  if (repetition) {
    services.waitUntil(
      rememberResponse(db, workspaceId, repetition, message).catch((error: unknown) =>
        services.log(`${id}: its answer was not kept for replays`, error),
      ),
    );
  }
  return { resource: message, replayed: false };
}
