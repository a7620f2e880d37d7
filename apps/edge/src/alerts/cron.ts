import { type QueryResult, sql } from "kysely";
import type { Services } from "../services.ts";
import { pauseOrphans } from "./orphans.ts";
import { alertJob, type AlertToPublish } from "./publish.ts";
import { type InDigest, tellAll } from "./tell.ts";
import { watchSessions } from "./watch.ts";

const batchSize = 100;
const longestWaitMs = 3600_000;
/** Nobody wants to hear of it any more. */
const uselessMs = 24 * 3600_000;
const keptMs = 30 * 24 * 3600_000;
const sweepSize = 2_000;

/** What the clock owes to alerts: what only it sees, what has lasted long enough, and what was not published. */
export async function runAlerts(services: Services): Promise<void> {
  const { db, publishAll, random, log } = services;
  const now = services.now().getTime();
  const watching = await watchSessions(services);
  const nonce = Array.from(random(2), (byte) => byte.toString(16).padStart(2, "0"))
    .join("")
    .slice(1);
  const telling = tellAll(db, { now, nonce });
  const results = await db.write([
    pauseOrphans(db, { at: now }),
    ...watching,
    ...telling,
    sql`UPDATE alert_delivery SET status = 'failed', error = 'expired' WHERE status = 'queued'
      AND publish_after <= ${now} AND created_at <= ${now - uselessMs}`.compile(db.kysely),
    sql<AlertToPublish>`UPDATE alert_delivery SET publish_count = publish_count + 1,
        publish_after = ${now} + min(${longestWaitMs}, 50000 << min(publish_count - 1, 10))
      WHERE id IN (SELECT d.id FROM alert_delivery d JOIN alert_channel c ON c.id = d.channel_id
        WHERE d.status = 'queued' AND d.publish_after <= ${now} AND (c.paused_at IS NULL OR d.what = 'test')
        ORDER BY d.publish_after LIMIT ${batchSize})
      RETURNING id, channel_id, publish_count`.compile(db.kysely),
  ]);
  const [fresh, digests, , waiting] = results.slice(1 + watching.length) as QueryResult<AlertToPublish & InDigest>[];
  const single = fresh?.rows.filter(({ digestId }) => digestId === null) ?? [];
  const jobs = [...single, ...(digests?.rows ?? []), ...(waiting?.rows ?? [])].map(alertJob);
  for (let at = 0; at < jobs.length; at += batchSize) {
    await publishAll(jobs.slice(at, at + batchSize)).catch((error: unknown) =>
      log("QStash did not take every alert; the rest waits for its next turn", error),
    );
  }
}

/** Rows that are old enough: ids sort by time. What was told of an incident is known for as long as the incident is. */
export function forgetAlerts({ db, now }: Services) {
  const before = (prefix: string) => sql`${prefix} || printf('%012x', ${now().getTime() - keptMs})`;
  return [
    sql`DELETE FROM alert_delivery WHERE id IN (SELECT id FROM alert_delivery d WHERE id < ${before("dlv_")}
      AND NOT EXISTS (SELECT 1 FROM incident i WHERE i.id = d.incident_id) LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM incident WHERE id IN (SELECT id FROM incident WHERE id < ${before("inc_")} AND closed_at IS NOT NULL
      AND closed_at <= ${now().getTime() - keptMs} LIMIT ${sweepSize})`.compile(db.kysely),
  ];
}
