import { sql } from "kysely";
import type { Services } from "../services.ts";
import type { Claimed, Message, Topic } from "../outbound/topic.ts";
import { reportFailing } from "./channel-incidents.ts";
import { digestMessage, readDigest } from "./digest.ts";
import { incidentMessage, type IncidentSnapshot, testMessage } from "./render.ts";
import { scheduleDeliveries } from "./schedule-deliveries.ts";

/** A channel that fails so often in a row is paused. */
const mostFailures = 20;
const usualSeconds = (failures: number) => (failures <= 5 ? 15 : 120);

/** Alerts: what channels report of incidents. */
export const alertTopic: Topic = {
  name: "alert",
  async compose(services, delivery) {
    const { type, text, data } = await messageOf(services, delivery);
    return { type, text, data: { ...data, text } };
  },
  waitAfter: ({ kind, retryAfterSeconds }, failures) =>
    kind === "failed" ? undefined : Math.max(1, Math.min(retryAfterSeconds ?? usualSeconds(failures), 3600)) * 1000,
  // A target that is busy is not broken.
  isExcused: ({ error }) => error === "rate_limited",
  pauseAfter: () => ({ because: "failures", when: sql`failures_in_row >= ${mostFailures}` }),
  // A channel that is paused is an incident: the other channels report it.
  onFailure: (db, failed) => ({
    changes: reportFailing(db, failed),
    reports: scheduleDeliveries(db, { now: failed.at, subjects: [failed.endpointId] }),
  }),
  // The deliveries of an incident decide what is reported next.
  isKept: sql`EXISTS (SELECT 1 FROM incident WHERE incident.id = delivery.subject_id)`,
};

async function messageOf({ db, publicUrl }: Services, delivery: Claimed): Promise<Message> {
  const { id, type, subjectId, content } = delivery;
  if (type === "test") return testMessage(publicUrl);
  if (subjectId === null) {
    return digestMessage(await readDigest(db, id, type === "closed" ? "closed" : "opened"), publicUrl);
  }
  const incident = JSON.parse(content) as IncidentSnapshot;
  const { rows } = await db.kysely.executeQuery(
    sql<{ name: string | null; phone: string | null }>`SELECT
      coalesce((SELECT name FROM session WHERE id = ${incident.subject}),
        (SELECT name FROM endpoint WHERE id = ${incident.subject})) AS name,
      (SELECT account FROM session WHERE id = ${incident.subject}) AS phone`.compile(db.kysely),
  );
  const { name = null, phone = null } = rows[0] ?? {};
  const notification = type === "closed" || type === "reopened" ? type : "opened";
  return incidentMessage({ notification, incidentId: subjectId, incident, name, phone, publicUrl });
}
