import { sql } from "kysely";
import type { AlertChannelTable, AlertDeliveryTable, Db } from "../db/schema.ts";
import type { Services } from "../services.ts";
import { callChannel } from "./call.ts";
import type { Outcome } from "./outcome.ts";
import { deferJobs, idsOf } from "../jobs/append-job.ts";
import { publishSoon } from "../jobs/publish-soon.ts";
import { tellIncidents } from "./tell.ts";
import { alertJobs } from "./jobs.ts";
import { digestMessage, readDigest } from "./digest.ts";
import { incidentMessage, type Message, testMessage, type Told } from "./render.ts";

/** Longer than the call to the target may take. */
export const claimMs = 30_000;
/** So many failures in a row and a channel is paused. */
const mostFailures = 20;
/** For so long QStash repeats a delivery that did not succeed. */
const retryingMs = 600_000;

type Due = Pick<AlertDeliveryTable, "id" | "workspaceId" | "channelId" | "incidentId" | "what" | "content"> &
  Pick<AlertChannelTable, "target"> & { name: string | null; phone: string | null };

/** Brings one delivery to its channel; undefined when there is nothing to do, `busy` while another call does it. */
export async function deliverAlert(services: Services, id: string): Promise<Outcome | "busy" | undefined> {
  const { db, now } = services;
  const at = now().getTime();
  const [known, claimed] = await db.write([
    sql<{ status: string; pausedAt: number | null; what: string }>`SELECT d.status, d.what, c.paused_at
      FROM alert_delivery d JOIN alert_channel c ON c.id = d.channel_id WHERE d.id = ${id}`.compile(db.kysely),
    claim(db, id, at),
  ]);
  const [due] = claimed.rows;
  if (!due) {
    const [row] = known.rows;
    return row?.status === "queued" && (row.pausedAt === null || row.what === "test") ? "busy" : undefined;
  }
  const { outcome } = await callChannel(services, { ...due, message: await messageOf(services, due) });
  await note(services, due, outcome);
  return outcome;
}

async function messageOf({ db, publicUrl }: Services, due: Due): Promise<Message> {
  const { id, what, incidentId, content, name, phone } = due;
  if (what === "test") return testMessage(publicUrl);
  if (incidentId === null) {
    return digestMessage(await readDigest(db, id, what === "closed" ? "closed" : "opened"), publicUrl);
  }
  return incidentMessage({ what, incidentId, told: JSON.parse(content) as Told, name, phone, publicUrl });
}

const claim = (db: Db, id: string, at: number) =>
  sql<Due>`UPDATE alert_delivery SET claim_until = ${at + claimMs}, attempts = attempts + 1
    WHERE id = ${id} AND status = 'queued' AND claim_until <= ${at} AND EXISTS (SELECT 1 FROM alert_channel c
      WHERE c.id = alert_delivery.channel_id AND (c.paused_at IS NULL OR alert_delivery.what = 'test'))
    RETURNING id, workspace_id, channel_id, incident_id, what, content,
      (SELECT target FROM alert_channel c WHERE c.id = channel_id) AS target,
      coalesce((SELECT name FROM session s WHERE s.id = content ->> '$.subject'),
        (SELECT name FROM alert_channel a WHERE a.id = content ->> '$.subject')) AS name,
      (SELECT account FROM session s WHERE s.id = content ->> '$.subject') AS phone`.compile(db.kysely);

/** The delivery, and what it means for its channel: too many failures in a row pause it, of which the others are told. */
async function note(services: Services, { id, channelId }: Due, outcome: Outcome): Promise<void> {
  const { db, now } = services;
  const at = now().getTime();
  const { kind, status } = outcome;
  const error = kind === "delivered" ? null : outcome.error;
  const delivery = [
    sql`UPDATE alert_delivery SET status = ${kind === "retry" ? "queued" : kind}, last_status = ${status},
        error = ${error}, claim_until = 0, delivered_at = ${kind === "delivered" ? at : null}
      WHERE id = ${id} AND status = 'queued'`.compile(db.kysely),
    // While QStash tries again, the cron need not.
    ...(kind === "retry"
      ? [deferJobs(db, [alertJobs], { ids: idsOf([id]), until: at + outcome.retryAfterSeconds * 1000 + retryingMs })]
      : []),
  ];
  if (kind === "delivered") {
    await db.write([
      ...delivery,
      sql`UPDATE alert_channel SET failures_in_row = 0 WHERE id = ${channelId} AND failures_in_row > 0`.compile(
        db.kysely,
      ),
    ]);
    return;
  }
  // A full target is not a broken one.
  if (error === "rate_limited") {
    await db.write(delivery);
    return;
  }
  const { told } = await db.write({
    delivery,
    failed: sql`UPDATE alert_channel SET failures_in_row = failures_in_row + 1 WHERE id = ${channelId}`,
    paused: sql`UPDATE alert_channel SET paused_at = ${at}, paused_because = 'failures', updated_at = ${at}
      WHERE id = ${channelId} AND paused_at IS NULL AND failures_in_row >= ${mostFailures}`,
    told: tellIncidents(db, { now: at, subjects: [channelId] }),
  });
  publishSoon(services, alertJobs, told.deliveries.rows);
}
