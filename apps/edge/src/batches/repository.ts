import { sql } from "kysely";
import type { Tenant } from "../auth/tenant.ts";
import type { Db, Tables } from "../db/schema.ts";
import { shownStatus } from "../messages/list-messages.ts";
import type { Viewer } from "../messages/present.ts";

const shown = [
  "id",
  "name",
  "status",
  "sessionId",
  "poolId",
  "recipients",
  "duplicates",
  "sendAt",
  "createdAt",
  "endedAt",
] as const;

export type BatchRow = Pick<Tables["batch"], (typeof shown)[number]>;
/** With how far its recipients have come: JSON arrays of `[state or status, code, count]`. */
export type CountedRow = BatchRow & { items: string; messages: string };

/** A batch with its counts, as this reader sees them. */
export const selectBatch = (db: Db, { workspaceId, test }: Tenant, { id, viewer }: { id: string; viewer: Viewer }) =>
  selectCounted(db, workspaceId, viewer).where("id", "=", id).where("test", "=", test);

/** Batches by id, for events about them: those of the sandbox are among them. */
export const selectOfEvents = (
  db: Db,
  workspaceId: string,
  { ids, viewer }: { ids: readonly string[]; viewer: Viewer },
) => selectCounted(db, workspaceId, viewer).where("id", "in", ids);

function selectCounted(db: Db, workspaceId: string, viewer: Viewer) {
  const items = sql<string>`(SELECT json_group_array(json_array(state, code, n)) FROM (SELECT state, code, count(*) AS n
    FROM batch_item WHERE batch_id = batch.id GROUP BY state, code))`;
  const messages = sql<string>`(SELECT json_group_array(json_array(shown, NULL, n)) FROM (SELECT ${shownStatus(viewer)} AS shown,
    count(*) AS n FROM message INDEXED BY message_batch WHERE batch_id = batch.id GROUP BY shown))`;
  return db.kysely
    .selectFrom("batch")
    .select(shown)
    .select([items.as("items"), messages.as("messages")])
    .where("workspaceId", "=", workspaceId);
}

/** The batches of a tenant, newest first. */
export const selectBatches = (
  db: Db,
  { workspaceId, test }: Tenant,
  { before, limit }: { before: string; limit: number },
) =>
  db.kysely
    .selectFrom("batch")
    .select(shown)
    .where("workspaceId", "=", workspaceId)
    .where("test", "=", test)
    .where("id", "<", before)
    .orderBy("id", "desc")
    .limit(limit);

export const findOwn = (db: Db, { workspaceId, test }: Tenant, id: string) =>
  db.kysely
    .selectFrom("batch")
    .select(["id", "status"])
    .where("workspaceId", "=", workspaceId)
    .where("id", "=", id)
    .where("test", "=", test)
    .executeTakeFirst();
