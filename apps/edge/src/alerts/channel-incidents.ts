import { type CompiledQuery, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { EndpointTable } from "../db/tables/deliveries.ts";
import type { FailedEndpoint } from "../outbound/topic.ts";
import { ofWorkspace, pauseOrphanEndpoints } from "../outbound/orphans.ts";
import { closeIncidents, openIncidents } from "./incident-changes.ts";

const kinds = { alert: "channel_paused", event: "webhook_paused" } as const;
const topics = ["alert", "event"] as const;

/** Pauses the endpoints whose key has ended. Each is an incident. */
export const pauseOrphans = (db: Db, orphans: { workspaceId?: string; at: number }): CompiledQuery[] => [
  pauseOrphanEndpoints(db, orphans),
  ...topics.flatMap((topic) =>
    openIncidents(db, {
      subjects: paused({ topic, because: "key_ended", ...orphans }),
      kind: kinds[topic],
      reason: "key_ended",
      at: orphans.at,
    }),
  ),
];

/** Opens the incident of an endpoint that this batch has paused because of its failures. */
export const reportFailing = (db: Db, { endpointId, topic, because, at }: FailedEndpoint): CompiledQuery[] =>
  openIncidents(db, {
    subjects: sql`${paused({ topic, because, at })} AND id = ${endpointId}`,
    kind: kinds[topic],
    reason: because,
    at,
  });

/** Closes the incident of a channel or webhook that was resumed. */
export const reportResumed = (db: Db, { endpointId, at }: { endpointId: string; at: number }): CompiledQuery =>
  closeIncidents(db, {
    subjects: sql`SELECT ${endpointId} AS id`,
    kinds: Object.values(kinds),
    ending: "recovered",
    at,
  });

interface Paused {
  topic: EndpointTable["topic"];
  because: NonNullable<EndpointTable["pausedBecause"]>;
  workspaceId?: string;
  at: number;
}

const paused = ({ topic, because, workspaceId, at }: Paused) =>
  sql`SELECT id, workspace_id FROM endpoint
    WHERE topic = ${topic} AND paused_at = ${at} AND paused_because = ${because} AND ${ofWorkspace(workspaceId)}`;
