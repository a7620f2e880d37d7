import { sql } from "kysely";
import { sweepSize } from "../retention.ts";
import type { Services } from "../services.ts";
import { pauseOrphans } from "./orphans.ts";
import { publishSoon } from "../jobs/publish-soon.ts";
import { alertJobs, deliveryLifeMs } from "./jobs.ts";
import { tellAll } from "./tell.ts";
import { watchSessions } from "./watch.ts";

const keptMs = 30 * 24 * 3600_000;

/** Opens the incidents that only the clock sees, and makes the alerts of what has lasted long enough. */
export async function runAlerts(services: Services): Promise<void> {
  const { db, random } = services;
  const now = services.now().getTime();
  const watching = await watchSessions(services);
  const nonce = Array.from(random(2), (byte) => byte.toString(16).padStart(2, "0"))
    .join("")
    .slice(1);
  const { told } = await db.write({
    paused: pauseOrphans(db, { at: now }),
    watching,
    told: tellAll(db, { now, nonce }),
    expired: sql`UPDATE alert_delivery SET status = 'failed', error = 'expired' WHERE status = 'queued'
      AND created_at <= ${now - deliveryLifeMs} AND NOT EXISTS (SELECT 1 FROM job WHERE kind = ${alertJobs.name}
        AND subject_id = alert_delivery.id AND publish_after > ${now})`.compile(db.kysely),
  });
  const single = told.deliveries.rows.filter(({ digestId }) => digestId === null);
  publishSoon(services, alertJobs, [...single, ...told.digests.rows]);
}

/** Rows that are old enough: ids sort by time. What was told of an incident is known for as long as the incident is. */
export function sweepAlerts({ db, now }: Services) {
  const before = (prefix: string) => sql`${prefix} || printf('%012x', ${now().getTime() - keptMs})`;
  return [
    sql`DELETE FROM alert_delivery WHERE id IN (SELECT id FROM alert_delivery d WHERE id < ${before("dlv_")}
      AND NOT EXISTS (SELECT 1 FROM incident i WHERE i.id = d.incident_id) LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM incident WHERE id IN (SELECT id FROM incident WHERE id < ${before("inc_")} AND closed_at IS NOT NULL
      AND closed_at <= ${now().getTime() - keptMs} LIMIT ${sweepSize})`.compile(db.kysely),
  ];
}
