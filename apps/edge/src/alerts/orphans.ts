import type { Scope } from "@sandi/contracts";
import { type CompiledQuery, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { endingOf } from "../keys/owner.ts";

/** The scopes that a channel needs its key to have. */
export const channelScopes: readonly Scope[] = ["webhook:manage"];

/** SQL: why a channel's key lends it nothing any more. Nobody can call a channel, so the key's addresses do not count. */
export const channelEnding = (at: number) =>
  endingOf(
    { createdBy: sql.ref("alert_channel.created_by"), workspaceId: sql.ref("alert_channel.workspace_id") },
    { scopes: channelScopes, isOpen: false, at },
  );

/** Pauses channels whose key was revoked, has expired or lost its scope; in all workspaces if `workspaceId` is left out. */
export const pauseOrphans = (db: Db, { workspaceId, at }: { workspaceId?: string; at: number }): CompiledQuery =>
  sql`UPDATE alert_channel SET paused_at = ${at}, paused_because = 'key_ended', updated_at = ${at}
    WHERE paused_at IS NULL AND created_by IS NOT NULL
      AND ${workspaceId === undefined ? sql`true` : sql`workspace_id = ${workspaceId}`}
      AND ${channelEnding(at)} IS NOT NULL`.compile(db.kysely);
