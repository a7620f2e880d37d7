import type { MessageLane, MessageType } from "@sandi/contracts";
import { type CompiledQuery, sql } from "kysely";
import type { Tenant } from "../auth/tenant.ts";
import type { Db } from "../db/schema.ts";
import type { Route } from "../sessions/pick.ts";
import type { KeptRecipient } from "./recipient.ts";
import { senderOf } from "./sender-of.ts";

interface NewMessage {
  id: string;
  route: Route;
  kept: KeptRecipient;
  toHash: string;
  type: MessageType;
  sealed: string;
  status: "queued" | "scheduled";
  at: number;
  lifetimeMs: number;
  lane: MessageLane;
  metadata: Record<string, unknown> | undefined;
  batchId?: string;
  isForwarded?: boolean;
}

/** Stores a message that is no code, unless the decision for its id has a verdict. */
export const insertMessage = (db: Db, tenant: Tenant, message: NewMessage): CompiledQuery => {
  const { id, route, kept, toHash, type, sealed, status, at, lifetimeMs, lane, metadata, batchId, isForwarded } =
    message;
  const { workspaceId, test } = tenant;
  return sql`INSERT INTO message (id, workspace_id, session_id, type, to_masked, sealed, status, expires_at, test,
        created_at, updated_at, to_hash, pool_id, country, prefix, lane, metadata, lifetime_ms${batchId === undefined ? sql`` : sql`, batch_id`}${isForwarded ? sql`, is_forwarded` : sql``})
      SELECT ${id}, ${workspaceId}, coalesce(${route.sessionId ?? null}, a.session_id), ${type}, ${kept.masked},
        ${sealed}, ${status}, ${at + lifetimeMs}, ${test}, ${at}, ${at}, ${toHash},
        ${senderOf(tenant).poolOf(workspaceId, route)}, ${kept.country}, ${kept.prefix}, ${lane},
        ${metadata === undefined ? null : JSON.stringify(metadata)}, ${lifetimeMs}${batchId === undefined ? sql`` : sql`, ${batchId}`}${isForwarded ? sql`, 1` : sql``}
      FROM admission a WHERE a.id = ${id} AND a.verdict IS NULL`.compile(db.kysely);
};
