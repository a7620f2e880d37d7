import { sql } from "kysely";
import type { Services } from "../services.ts";
import type { Claimed, Message, Topic } from "../outbound/topic.ts";
import { reportFailing } from "./channel-incidents.ts";
import { digestMessage, readDigest } from "./digest.ts";
import { incidentMessage, type IncidentSnapshot, testMessage } from "./render.ts";
import { scheduleDeliveries } from "./schedule-deliveries.ts";

/** Alerts: what channels report of incidents. */
export const alertTopic: Topic = {
  name: "alert",
  async compose(services, delivery) {
    const { type, text, data } = await messageOf(services, delivery);
    return { type, text, data: { ...data, text } };
  },
  // A channel that is paused is an incident: the other channels report it.
  onFailure: (db, { endpointId, at }) => ({
    changes: reportFailing(db, { endpointId, at }),
    reports: scheduleDeliveries(db, { now: at, subjects: [endpointId] }),
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
