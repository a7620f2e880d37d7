import { createId, type IncidentKind } from "@sandi/contracts";
import { type CompiledQuery, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { Services } from "../services.ts";
import { closeIncidents, openIncidents } from "./incident-changes.ts";

/** A code is worth little after this. A text may wait for its turn. */
const codeWaitMs = 120_000;
const textWaitMs = 30 * 60_000;
/** Failures count among the latest messages of a workspace, as far as they are recent. */
const recentMs = 15 * 60_000;
const mostRecent = 500;
const fewestMessages = 20;
/** A revision that was published so often has waited for about three minutes. */
const unacknowledgedPublishes = 4;
const changesAtOnce = 300;
/** Above any real count: a truncated result would close incidents that are still open. */
const mostSubjects = 10_000;

interface Found {
  workspaceId: string;
  subject: string;
  kind: IncidentKind;
  reason: string;
}

const detectedKinds = ["queue_stuck", "failures_high", "connector_silent"] as const;

/** Statements that open and close the incidents of queues, failures and connectors, and close those of limits that are over. */
export async function detectIncidents(services: Services): Promise<CompiledQuery[]> {
  const { db } = services;
  const now = services.now().getTime();
  const [queues, rates, revisions, opened] = await db.read([
    stuckQueues(db, now),
    highFailures(db, now),
    unacknowledged(db),
    sql<Found>`SELECT workspace_id, subject, kind, reason FROM incident WHERE closed_at IS NULL
      AND kind IN (${sql.join(detectedKinds)})`.compile(db.kysely),
  ]);
  const nameOf = ({ subject, kind }: Found) => `${kind} ${subject}`;
  const found = [...queues.rows, ...rates.rows, ...revisions.rows];
  const present = new Set(found.map(nameOf));
  const known = new Set(opened.rows.map(nameOf));
  const statements = [
    ...found.filter((each) => !known.has(nameOf(each))).flatMap((each) => open(db, each, now)),
    ...opened.rows.filter((each) => !present.has(nameOf(each))).map((each) => close(db, each, now)),
  ];
  return [
    sql`UPDATE incident SET closed_at = max(since, ${now}), changed_at = ${now}, ending = 'recovered', until = NULL
      WHERE until <= ${now} AND closed_at IS NULL AND until IS NOT NULL`.compile(db.kysely),
    ...statements.slice(0, changesAtOnce),
  ];
}

/** Only sessions that are online: another one has an incident of its own, which explains the wait. */
const stuckQueues = (db: Db, now: number) =>
  sql<Found>`SELECT DISTINCT s.workspace_id, s.id AS subject, 'queue_stuck' AS kind, 'queue' AS reason
    FROM message m CROSS JOIN session s ON s.id = m.session_id
    WHERE m.status IN ('queued', 'sending') AND m.expires_at > ${now} AND m.test = 0
      AND m.created_at <= ${now} - CASE WHEN m.verification_id IS NULL THEN ${textWaitMs} ELSE ${codeWaitMs} END
      AND s.state = 'online' AND s.desired = 'running' AND coalesce(s.paused_until, 0) <= ${now}
    LIMIT ${mostSubjects}`.compile(db.kysely);

/** Only workspaces with a channel. A number without an account is no failure of the sender. */
function highFailures(db: Db, now: number) {
  const first = createId("msg", new Date(now - recentMs), new Uint8Array(10));
  const latest = (which: string) => sql`SELECT id FROM (SELECT id FROM message x WHERE x.workspace_id = w.workspace_id
    AND x.id >= ${first} AND x.test = 0 AND x.status NOT IN ('queued', 'sending', 'canceled')
    AND x.verification_id ${sql.raw(which)} ORDER BY x.id DESC LIMIT ${mostRecent})`;
  return sql<Found>`SELECT w.workspace_id, m.session_id AS subject, 'failures_high' AS kind, 'rate' AS reason
    FROM (SELECT DISTINCT workspace_id FROM endpoint WHERE topic = 'alert' AND paused_at IS NULL) w
    CROSS JOIN message m ON m.id IN (${latest("IS NULL")} UNION ALL ${latest("IS NOT NULL")})
    CROSS JOIN session s ON s.id = m.session_id
    GROUP BY w.workspace_id, m.session_id
    HAVING count(*) >= ${fewestMessages}
      AND 2 * sum(m.status = 'failed' AND m.failure IS NOT 'not_on_whatsapp') >= count(*)
    LIMIT ${mostSubjects}`.compile(db.kysely);
}

const unacknowledged = (db: Db) =>
  sql<Found>`SELECT s.workspace_id, s.id AS subject, 'connector_silent' AS kind, 'unacknowledged' AS reason
    FROM job CROSS JOIN session s ON s.id = job.subject_id
    WHERE job.kind = 'session' AND job.publish_count >= ${unacknowledgedPublishes}
      AND s.acked_revision < s.revision AND s.desired = 'running'
    LIMIT ${mostSubjects}`.compile(db.kysely);

/** A session may have been stopped since the reads. */
const open = (db: Db, { subject, kind, reason }: Found, at: number): CompiledQuery[] =>
  openIncidents(db, {
    subjects: sql`SELECT id, workspace_id FROM session WHERE id = ${subject} AND desired = 'running'`,
    kind,
    reason,
    at,
  });

const close = (db: Db, { subject, kind }: Found, at: number): CompiledQuery =>
  closeIncidents(db, { subjects: sql`SELECT ${subject} AS id`, kinds: [kind], ending: "recovered", at });
