import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { EndpointTable } from "../db/tables/deliveries.ts";
import type { FailedEndpoint } from "../outbound/topic.ts";
import { ofWorkspace, pauseOrphanEndpoints } from "../outbound/orphans.ts";
import { closeIncidents, openIncidents } from "./incident-changes.ts";

const kinds = ["channel_paused", "webhook_paused"] as const;
const kind = (id: RawBuilder<unknown>) => sql`iif(substr(${id}, 1, 4) = 'whe_', 'webhook_paused', 'channel_paused')`;

/** Pauses the endpoints whose key has ended. Each is an incident. */
export const pauseOrphans = (db: Db, orphans: { workspaceId?: string; at: number }): CompiledQuery[] => [
  pauseOrphanEndpoints(db, orphans),
  ...openIncidents(db, { subjects: paused("key_ended", orphans), kind, reason: "key_ended", at: orphans.at }),
];

/** Opens the incident of an endpoint that this batch has paused because of its failures. */
export const reportFailing = (db: Db, { endpointId, because, at }: FailedEndpoint): CompiledQuery[] =>
  openIncidents(db, { subjects: sql`${paused(because, { at })} AND id = ${endpointId}`, kind, reason: because, at });

/** Closes the incident of an endpoint that was resumed. */
export const reportResumed = (db: Db, { endpointId, at }: { endpointId: string; at: number }): CompiledQuery =>
  closeIncidents(db, { subjects: sql`SELECT ${endpointId} AS id`, kinds, ending: "recovered", at });

const paused = (
  because: NonNullable<EndpointTable["pausedBecause"]>,
  { workspaceId, at }: { workspaceId?: string; at: number },
) =>
  sql`SELECT id, workspace_id FROM endpoint
    WHERE paused_at = ${at} AND paused_because = ${because} AND ${ofWorkspace(workspaceId)}`;
