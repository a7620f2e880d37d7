import { AppError, FailureReason, HealthRpc, type LiveHealth, type SessionHealth } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import type { Db, Tables } from "../db/schema.ts";
import { isoOrNull } from "../time.ts";
import { seesAccounts } from "../auth/powers.ts";
import type { Services } from "../services.ts";
import { ask } from "./connector.ts";
import { factsOf } from "./sender-score.ts";
import { selectSessions, toSession } from "./repository.ts";

const hourMs = 3_600_000;

type Figure = Pick<Tables["sessionFigure"], "outcome" | "count" | "lastAt">;

/** A session's health: what the edge has stored, and what its connector answers now. */
export async function getSessionHealth(ctx: Context, id: string): Promise<SessionHealth> {
  const { services } = ctx;
  const { workspaceId, scopes } = ctx.actor;
  const { db } = services;
  // Otherwise a key could send one message and read here whether the number has an account.
  const outcome = seesAccounts(scopes)
    ? sql`outcome`
    : sql`CASE outcome WHEN 'not_on_whatsapp' THEN 'sent' ELSE outcome END`;
  const at = services.now().getTime();
  const [row, { rows: figures }] = await Promise.all([
    selectHealth(db, workspaceId, { id, at }).executeTakeFirst(),
    // The last time of each outcome, and its count in the last hour, in slots of ten minutes.
    db.kysely.executeQuery(
      sql<Figure>`SELECT ${outcome} AS outcome, sum(CASE WHEN slot > ${at - hourMs} THEN count ELSE 0 END) AS count,
          max(last_at) AS last_at FROM session_figure
        WHERE workspace_id = ${workspaceId} AND session_id = ${id} GROUP BY 1`.compile(db.kysely),
    ),
  ]);
  if (!row) throw new AppError("session-not-found");
  const { id: _id, name: _name, updatedAt: _updatedAt, ...session } = toSession(row);
  return {
    ...session,
    facts: {
      state: row.ofState,
      pause: row.ofPause,
      newChats: row.ofNewChats,
      failures: row.ofFailures,
      attempts: row.ofAttempts,
      queue: row.ofQueue,
    },
    queue: { waiting: row.queued, oldestAt: isoOrNull(row.oldestAt) },
    ...toFigures(figures),
    live: await liveHealth(services, id),
  };
}

function selectHealth(db: Db, workspaceId: string, { id, at }: { id: string; at: number }) {
  const facts = factsOf(at);
  // The conditions of the index `message_unsent_session`.
  const queued = sql`FROM message WHERE message.session_id = session.id AND message.workspace_id = session.workspace_id
    AND message.status IN ('queued', 'sending') AND message.status = 'queued' AND message.test = 0`;
  return selectSessions(db, workspaceId, at)
    .where("id", "=", id)
    .select([
      facts.state.as("ofState"),
      facts.pause.as("ofPause"),
      facts.newChats.as("ofNewChats"),
      facts.failures.as("ofFailures"),
      facts.attempts.as("ofAttempts"),
      facts.queue.as("ofQueue"),
      sql<number>`(SELECT count(*) ${queued})`.as("queued"),
      sql<number | null>`(SELECT min(message.created_at) ${queued})`.as("oldestAt"),
    ]);
}

function toFigures(figures: readonly Figure[]) {
  const by = new Map(figures.map((figure) => [figure.outcome, figure]));
  const countOf = (outcome: Figure["outcome"]) => by.get(outcome)?.count ?? 0;
  const lastOf = (outcome: Figure["outcome"]) => isoOrNull(by.get(outcome)?.lastAt ?? null);
  const failed = FailureReason.options.filter((reason) => countOf(reason) > 0);
  return {
    lastHour: {
      sent: countOf("sent"),
      delivered: countOf("delivered"),
      failed: failed.reduce((sum, reason) => sum + countOf(reason), 0),
      reasons: Object.fromEntries(failed.map((reason) => [reason, countOf(reason)])),
    },
    lastSentAt: lastOf("sent"),
    lastDeliveredAt: lastOf("delivered"),
    lastHeardAt: lastOf("heard"),
  };
}

/** Null if the connector does not answer: the stored part of the health is shown anyway. */
async function liveHealth(services: Services, sessionId: string): Promise<LiveHealth | null> {
  return ask(services, HealthRpc, { sessionId }).catch(() => null);
}
