import { AppError, type Session } from "@sandi/contracts";
import { sql } from "kysely";
import { isUnreachable } from "../db/failures.ts";
import {
  type Earlier,
  idempotencyTtlMs,
  notRepeated,
  rememberResponse,
  type Repetition,
  sameRequest,
  selectEarlier,
} from "../http/idempotency.ts";
import { firstPublishMs } from "../messages/publish.ts";
import { newId, type Services } from "../services.ts";
import { publishSessionLater } from "./publish.ts";
import { findSession, selectSessions, type SessionRow, toSession } from "./repository.ts";

interface Input {
  name: string;
  repetition: Repetition | undefined;
}

/** So many sessions may a workspace have; deleted ones do not count. */
const sessionLimit = 50;

/** Creates a session that wants to run; a connector takes it and shows QR codes. */
export async function createSession(
  services: Services,
  workspaceId: string,
  { name, repetition }: Input,
  limit = sessionLimit,
): Promise<{ resource: Session; replayed: boolean }> {
  const { db } = services;
  const at = services.now().getTime();
  const id = newId(services, "ses");
  const since = at - idempotencyTtlMs;
  const statements = [
    selectEarlier(db, workspaceId, repetition, since),
    sql`INSERT INTO session (id, workspace_id, name, state, reason, desired, revision, publish_after, publish_count,
        created_at, updated_at)
      SELECT ${id}, ${workspaceId}, ${name}, 'stopped', 'created', 'running', 1, ${at + firstPublishMs}, 1, ${at}, ${at}
      WHERE ${notRepeated(workspaceId, repetition, since)} AND ${limit} > (SELECT count(*) FROM session
        WHERE workspace_id = ${workspaceId} AND desired <> 'deleted')`.compile(db.kysely),
    ...(repetition
      ? [
          sql`INSERT OR REPLACE INTO idempotency (workspace_id, key_hash, fingerprint, resource_id, created_at)
            SELECT ${workspaceId}, ${repetition.keyHash}, ${repetition.fingerprint}, id, ${at}
            FROM session WHERE id = ${id}`.compile(db.kysely),
        ]
      : []),
    selectSessions(db, workspaceId).where("id", "=", id),
  ] as const;

  let earlier: Earlier | undefined;
  let stored: SessionRow | undefined;
  try {
    const results = await db.write(statements);
    earlier = results[0].rows[0];
    stored = results.at(-1)?.rows[0] as SessionRow | undefined;
  } catch (error) {
    if (!isUnreachable(error) || (await voidSession(services, workspaceId, id))) throw error;
    stored = await findSession(db, workspaceId, id);
  }

  if (earlier) {
    const { response, resourceId } = sameRequest(earlier, repetition);
    if (response !== null) return { resource: JSON.parse(response) as Session, replayed: true };
    const row = await findSession(db, workspaceId, resourceId);
    if (!row) throw new AppError("session-not-found");
    return { resource: toSession(row), replayed: true };
  }
  if (!stored) {
    const detail = `A workspace has at most ${limit} sessions; delete one that is not needed.`;
    throw new AppError("session-limit-reached", { detail });
  }
  const session = toSession(stored);
  publishSessionLater(services, { id, workspaceId, desired: "running", revision: 1, publishCount: 1 });
  if (repetition) {
    services.waitUntil(
      rememberResponse(db, workspaceId, repetition, session).catch((error: unknown) =>
        services.log(`${id}: its answer was not kept for replays`, error),
      ),
    );
  }
  return { resource: session, replayed: false };
}

/** As `voidMessage`: after a lost answer, takes the id away so that a late write cannot land. */
async function voidSession({ db, now }: Services, workspaceId: string, id: string): Promise<boolean> {
  const at = now().getTime();
  const { numAffectedRows } = await db.kysely.executeQuery(
    sql`INSERT INTO session (id, workspace_id, name, state, desired, revision, acked_revision, publish_after,
        publish_count, created_at, updated_at)
      VALUES (${id}, ${workspaceId}, '', 'stopped', 'deleted', 1, 1, 0, 0, ${at}, ${at})
      ON CONFLICT (id) DO NOTHING`.compile(db.kysely),
  );
  return (numAffectedRows ?? 0n) > 0n;
}
