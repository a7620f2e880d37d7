import { sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { sendJobs } from "./jobs.ts";
import { keptForRetry, moveMessages } from "./life.ts";
import { moveVerifications } from "../verifications/life.ts";

/** True in SQL for a `verification` whose messages have all ended unsent, so nobody has or will get its code. */
export const noMessageIsLeft = sql<boolean>`NOT EXISTS (SELECT 1 FROM message m WHERE m.verification_id = verification.id
  AND m.status NOT IN ('failed', 'canceled'))`;

/** True in SQL for messages that wait for a session, without the sandbox's. The first `status` term selects the index. */
const waitsFor = (sessionId: string) =>
  sql<boolean>`(session_id = ${sessionId} AND status IN ('queued', 'sending') AND status = 'queued' AND test = 0)`;

/** Cron publishes the messages that wait for a session now, without their back-off. */
export function publishQueuedNow(db: Db, { sessionId, now }: { sessionId: string; now: number }) {
  return sql`UPDATE job SET publish_after = ${now}
    WHERE kind IN (${sql.join(sendJobs.map(({ name }) => name))})
      AND subject_id IN (SELECT id FROM message WHERE ${waitsFor(sessionId)})
      AND publish_after > ${now} AND publish_count > 1`.compile(db.kysely);
}

/** Fails the messages that wait for a session that has ended, and ends verifications whose code was not sent otherwise. */
export function endQueuedMessages(
  db: Db,
  { sessionId, workspaceId, now }: { sessionId: string; workspaceId: string; now: number },
) {
  return [
    moveVerifications(db, "giveUp", {
      which: sql`workspace_id = ${workspaceId} AND expires_at > ${now}
        AND id IN (SELECT verification_id FROM message WHERE ${waitsFor(sessionId)} AND workspace_id = ${workspaceId})
        AND NOT EXISTS (SELECT 1 FROM message m WHERE m.verification_id = verification.id
          AND m.status NOT IN ('failed', 'canceled') AND NOT (m.status = 'queued' AND m.session_id = ${sessionId}))`,
      at: now,
    }),
    moveMessages(db, "failForNow", {
      which: sql`${waitsFor(sessionId)} AND workspace_id = ${workspaceId}`,
      at: now,
      set: sql`failure = 'session_ended', ${keptForRetry("session_ended")}`,
    }),
  ];
}
