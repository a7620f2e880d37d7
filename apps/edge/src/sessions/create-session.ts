import { AppError, type Session } from "@sandi/contracts";
import { sql } from "kysely";
import { recover } from "../db/lost-writes.ts";
import type { Db } from "../db/schema.ts";
import {
  type Accepted,
  type Earlier,
  forgetRepetition,
  idempotencyTtlMs,
  keepResponse,
  notAnswered,
  noteRepetition,
  notRepeated,
  type Repetition,
  replay,
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
): Promise<Accepted<Session>> {
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
    ...noteRepetition(db, workspaceId, { repetition, made: sql`SELECT id FROM session WHERE id = ${id}`, at }),
    selectSessions(db, workspaceId).where("id", "=", id),
  ] as const;

  let earlier: Earlier | undefined;
  let stored: SessionRow | undefined;
  try {
    const results = await db.write(statements);
    earlier = results[0].rows[0];
    stored = results.at(-1)?.rows[0] as SessionRow | undefined;
  } catch (error) {
    stored = await recover(services, error, remedy(db, workspaceId, { id, at, repetition }));
  }

  if (earlier) {
    const render = async (made: string) => {
      const row = await findSession(db, workspaceId, made);
      if (!row) throw new AppError("session-not-found");
      return toSession(row);
    };
    return replay(services, workspaceId, { earlier, repetition, render });
  }
  if (!stored) {
    const detail = `A workspace has at most ${limit} sessions; delete one that is not needed.`;
    throw new AppError("session-limit-reached", { detail });
  }
  const session = toSession(stored);
  publishSessionLater(services, { id, workspaceId, desired: "running", revision: 1, publishCount: 1 });
  keepResponse(services, workspaceId, { repetition, response: session });
  return { resource: session, replayed: false };
}

interface Lost {
  id: string;
  at: number;
  repetition: Repetition | undefined;
}

/** As for messages: the id is taken away, or the session that has landed is deleted again. */
function remedy(db: Db, workspaceId: string, { id, at, repetition }: Lost) {
  const gone = sql`INSERT INTO session (id, workspace_id, name, state, desired, revision, acked_revision, publish_after,
      publish_count, created_at, updated_at)
    VALUES (${id}, ${workspaceId}, '', 'stopped', 'deleted', 1, 1, 0, 0, ${at}, ${at}) ON CONFLICT (id)`;
  return {
    settle: async () => {
      const [, { rows }] = await db.write([
        sql`${gone} DO NOTHING`.compile(db.kysely),
        selectSessions(db, workspaceId).where("id", "=", id),
      ]);
      return rows[0];
    },
    withdraw: () =>
      db.write([
        sql`${gone} DO UPDATE SET desired = 'deleted', revision = revision + 1, publish_count = 1
          WHERE desired <> 'deleted' AND ${notAnswered(workspaceId, repetition)}`.compile(db.kysely),
        ...forgetRepetition(db, workspaceId, { repetition, at }),
      ]),
  };
}
