import { sql } from "kysely";
import { publishSoon } from "../jobs/publish-soon.ts";
import { deliveryJobs } from "../outbound/delivery.ts";
import { sweepSize } from "../retention.ts";
import type { Services } from "../services.ts";
import { pauseOrphans } from "./channel-incidents.ts";
import { detectIncidents } from "./detect-incidents.ts";
import { scheduleAllDeliveries } from "./schedule-deliveries.ts";

const keptMs = 30 * 24 * 3600_000;

/** Opens and closes the incidents that no event reports, and stores the deliveries that are due. */
export async function runAlerts(services: Services): Promise<void> {
  const { db, random } = services;
  const now = services.now().getTime();
  const detected = await detectIncidents(services);
  const nonce = random(2).toHex().slice(1);
  const { scheduled } = await db.write({
    paused: pauseOrphans(db, { at: now }),
    detected,
    scheduled: scheduleAllDeliveries(db, { now, nonce }),
  });
  const single = scheduled.deliveries.rows.filter(({ digestId }) => digestId === null);
  publishSoon(services, deliveryJobs, [...single, ...scheduled.digests.rows]);
}

/** Closed incidents that are old enough: ids sort by time. */
export const sweepIncidents = ({ db, now }: Services) => [
  sql`DELETE FROM incident WHERE id IN (SELECT id FROM incident
    WHERE id < 'inc_' || printf('%012x', ${now().getTime() - keptMs}) AND closed_at IS NOT NULL
      AND closed_at <= ${now().getTime() - keptMs} LIMIT ${sweepSize})`.compile(db.kysely),
];
