import {
  type Incident,
  type IncidentKind,
  incidentKinds,
  type ListIncidents,
  type SessionReason,
  sessionReasons,
} from "@sandi/contracts";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { IncidentTable } from "../db/tables/deliveries.ts";
import { iso, isoOrNull } from "../time.ts";
import { closeIncidents } from "./incident-changes.ts";

/** Open ones first, then newest first. */
export async function findIncidents(
  db: Db,
  workspaceId: string,
  { state, cursor, limit }: ListIncidents,
): Promise<IncidentTable[]> {
  const isCursorOpen = sql`(SELECT closed_at IS NULL FROM incident WHERE id = ${cursor ?? ""} AND workspace_id = ${workspaceId})`;
  const part = (index: string, where: RawBuilder<unknown>) => sql`SELECT * FROM (SELECT * FROM incident
    INDEXED BY ${sql.ref(index)} WHERE workspace_id = ${workspaceId} AND ${where} ORDER BY id DESC LIMIT ${limit})`;
  // Few are open: they are sorted by id. The closed ones are in the order of their index.
  const open = part(
    "incident_open_since",
    sql`closed_at IS NULL AND ${cursor === undefined ? sql`true` : sql`${isCursorOpen} AND id < ${cursor}`}`,
  );
  const closed = part(
    "incident_workspace",
    sql`closed_at IS NOT NULL AND id < ${cursor === undefined ? "inc_~" : sql`CASE ${isCursorOpen} WHEN 1 THEN 'inc_~' WHEN 0 THEN ${cursor} END`}`,
  );
  const parts = [...(state === "closed" ? [] : [open]), ...(state === "open" ? [] : [closed])];
  const { rows } = await db.kysely.executeQuery(
    sql<IncidentTable>`${sql.join(parts, sql` UNION ALL `)} LIMIT ${limit}`.compile(db.kysely),
  );
  return rows;
}

export const toIncident = (row: IncidentTable): Incident => ({
  id: row.id,
  kind: row.kind,
  ...subjectOf(row.subject),
  reason: row.reason,
  detail: detailOf(row),
  openedAt: iso(row.openedAt),
  since: iso(row.since),
  closedAt: isoOrNull(row.closedAt),
  ending: row.ending,
  times: row.times,
});

export const subjectOf = (subject: string) => ({
  sessionId: subject.startsWith("ses_") ? subject : null,
  channelId: subject.startsWith("alc_") ? subject : null,
  webhookId: subject.startsWith("whe_") ? subject : null,
});

const advice: Record<string, string> = {
  paused: "WhatsApp reported too many messages. Sandi sends nothing with the account until the pause is over.",
  new_chats_locked:
    "WhatsApp lets the account open no new chats for now. Known chats still work. Use another sender, or wait.",
  new_chats_used_up:
    "The account has opened as many new chats as WhatsApp allows in this cycle. Known chats still work.",
  queue: "Messages wait too long although the session is online. Check that the connectors run.",
  rate: "Half or more of the session's latest messages failed. Check the reasons and the phone.",
  unacknowledged: "No connector has taken the desired state of the session. Check that the connectors run.",
  key_ended:
    "The channel's API key was revoked, has expired or lost `webhook:manage`. Resume the channel with another key: PATCH with isPaused false.",
  failures: "The target failed 20 times in a row. Repair it, then resume the channel: PATCH with isPaused false.",
};

const resume = "Then resume it: PATCH with isPaused false. It gets the events that wait.";
const webhookAdvice: Record<string, string> = {
  key_ended: `The webhook's API key was revoked, has expired or lost \`webhook:manage\`. Use another key. ${resume}`,
  failures: `Every attempt of the last three days failed. Repair the receiver. ${resume}`,
  gone: `The receiver answered 410, so it wants no more events. If it is needed, repair it. ${resume}`,
};

/** What it is, and what to do. */
export const detailOf = ({ kind, reason }: { kind: IncidentKind; reason: string | null }): string =>
  (kind === "webhook_paused" ? webhookAdvice[reason ?? ""] : undefined) ??
  sessionReasons[reason as SessionReason] ??
  advice[reason ?? ""] ??
  incidentKinds[kind];

/** Closes the incidents of a session that was stopped or deleted. The channels do not report that. */
export const withdrawIncidents = (
  db: Db,
  { sessionId, workspaceId, now }: { sessionId: string; workspaceId: string; now: number },
): CompiledQuery =>
  closeIncidents(db, {
    subjects: sql`SELECT id FROM session WHERE id = ${sessionId} AND workspace_id = ${workspaceId}`,
    ending: "withdrawn",
    at: now,
  });
