import { AppError, type Session } from "@sandi/contracts";
import { sql } from "kysely";
import { createOnce } from "../http/create-once.ts";
import type { Accepted, Repetition } from "../http/idempotency.ts";
import { firstPublishMs } from "../messages/publish.ts";
import { newId, type Services } from "../services.ts";
import { publishSessionLater } from "./publish.ts";
import { selectSessions, toSession } from "./repository.ts";

interface Input {
  name: string;
  repetition: Repetition | undefined;
}

const first = { desired: "running", revision: 1, publishCount: 1, proxySealed: null } as const;

/** So many sessions may a workspace have; deleted ones do not count. */
const sessionLimit = 50;

/** Creates a session that wants to run; a connector takes it and shows QR codes. */
export async function createSession(
  services: Services,
  workspaceId: string,
  { name, repetition }: Input,
  limit = sessionLimit,
): Promise<Accepted<Session>> {
  const { db } = services;
  const at = services.now().getTime();
  const id = newId(services, "ses");
  const gone = sql`INSERT INTO session (id, workspace_id, name, state, desired, revision, acked_revision, publish_after,
      publish_count, created_at, updated_at)
    VALUES (${id}, ${workspaceId}, '', 'stopped', 'deleted', 1, 1, 0, 0, ${at}, ${at}) ON CONFLICT (id)`;

  return createOnce(services, workspaceId, {
    table: "session",
    id,
    at,
    repetition,
    find: (made) => selectSessions(db, workspaceId).where("id", "=", made),
    statements: (isFirst) => [
      sql`INSERT INTO session (id, workspace_id, name, state, reason, desired, revision, publish_after, publish_count,
          created_at, updated_at)
        SELECT ${id}, ${workspaceId}, ${name}, 'stopped', 'created', 'running', 1, ${at + firstPublishMs}, 1, ${at}, ${at}
        WHERE ${isFirst} AND ${limit} > (SELECT count(*) FROM session
          WHERE workspace_id = ${workspaceId} AND desired <> 'deleted')`.compile(db.kysely),
    ],
    block: sql`${gone} DO NOTHING`.compile(db.kysely),
    withdraw: (isUnknown) => [
      sql`${gone} DO UPDATE SET desired = 'deleted', revision = revision + 1, publish_count = 1
        WHERE desired <> 'deleted' AND ${isUnknown}`.compile(db.kysely),
    ],
    refuse: () =>
      new AppError("session-limit-reached", {
        detail: `A workspace has at most ${limit} sessions; delete one that is not needed.`,
      }),
    present: toSession,
    publish: () => publishSessionLater(services, { id, workspaceId, ...first }),
    gone: "session-not-found",
  });
}
