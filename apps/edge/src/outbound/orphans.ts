import type { Scope } from "@sandi/contracts";
import { type CompiledQuery, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { endingOf } from "../auth/owner.ts";

/** The scopes that the key of an endpoint must have. */
export const endpointScopes: readonly Scope[] = ["webhook:manage"];

/** In SQL why an endpoint has ended with its key; null while it works. Nobody calls an endpoint: the key's addresses do not count. */
export const endpointEnding = (at: number) =>
  endingOf(
    { createdBy: sql.ref("endpoint.created_by"), workspaceId: sql.ref("endpoint.workspace_id") },
    { scopes: endpointScopes, isOpen: false, at },
  );

/** Pauses the endpoints whose key was revoked, has expired or lost its scope. Without `workspaceId`: in all workspaces. */
export const pauseOrphanEndpoints = (
  db: Db,
  { workspaceId, at }: { workspaceId?: string; at: number },
): CompiledQuery =>
  sql`UPDATE endpoint SET paused_at = ${at}, paused_because = 'key_ended', updated_at = ${at}
    WHERE paused_at IS NULL AND created_by IS NOT NULL
      AND ${ofWorkspace(workspaceId)} AND ${endpointEnding(at)} IS NOT NULL`.compile(db.kysely);

/** True in SQL for the endpoints of this workspace, or of all without one. */
export const ofWorkspace = (workspaceId: string | undefined) =>
  workspaceId === undefined ? sql`true` : sql`workspace_id = ${workspaceId}`;
