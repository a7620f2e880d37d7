import { type CompiledQuery, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { ofWorkspace, pauseOrphanEndpoints } from "../outbound/orphans.ts";
import { closeIncidents, openIncidents } from "./incident-changes.ts";

const kind = "channel_paused";

/** Pauses the endpoints whose key has ended. An alert channel among them is an incident. */
export const pauseOrphans = (db: Db, orphans: { workspaceId?: string; at: number }): CompiledQuery[] => [
  pauseOrphanEndpoints(db, orphans),
  ...openIncidents(db, { subjects: paused("key_ended", orphans), kind, reason: "key_ended", at: orphans.at }),
];

/** Opens the incident of a channel that this batch has paused because it failed too often. */
export const reportFailing = (db: Db, { endpointId, at }: { endpointId: string; at: number }): CompiledQuery[] =>
  openIncidents(db, {
    subjects: sql`${paused("failures", { at })} AND id = ${endpointId}`,
    kind,
    reason: "failures",
    at,
  });

/** Closes the incident of a channel that was resumed. */
export const reportResumed = (db: Db, { channelId, at }: { channelId: string; at: number }): CompiledQuery =>
  closeIncidents(db, { subjects: sql`SELECT ${channelId} AS id`, kinds: [kind], ending: "recovered", at });

const paused = (because: "failures" | "key_ended", { workspaceId, at }: { workspaceId?: string; at: number }) =>
  sql`SELECT id, workspace_id FROM endpoint
    WHERE topic = 'alert' AND paused_at = ${at} AND paused_because = ${because} AND ${ofWorkspace(workspaceId)}`;
