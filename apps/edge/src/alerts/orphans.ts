import type { Scope } from "@sandi/contracts";
import { type CompiledQuery, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { endingOf } from "../auth/owner.ts";

/** The scopes that the key of a channel must have. */
export const channelScopes: readonly Scope[] = ["webhook:manage"];

/** In SQL why a channel has ended with its key; null while it works. Nobody calls a channel: the key's addresses do not count. */
export const channelEnding = (at: number) =>
  endingOf(
    { createdBy: sql.ref("alert_channel.created_by"), workspaceId: sql.ref("alert_channel.workspace_id") },
    { scopes: channelScopes, isOpen: false, at },
  );

/** Pauses the channels whose key was revoked, has expired or lost its scope. Without `workspaceId`: in all workspaces. */
export const pauseOrphans = (db: Db, { workspaceId, at }: { workspaceId?: string; at: number }): CompiledQuery =>
  sql`UPDATE alert_channel SET paused_at = ${at}, paused_because = 'key_ended', updated_at = ${at}
    WHERE paused_at IS NULL AND created_by IS NOT NULL
      AND ${workspaceId === undefined ? sql`true` : sql`workspace_id = ${workspaceId}`}
      AND ${channelEnding(at)} IS NOT NULL`.compile(db.kysely);
