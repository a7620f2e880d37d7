import { createId, type IdPrefix } from "@sandi/contracts";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Services } from "./services.ts";

/** One statement deletes at most this many rows. */
export const sweepSize = 2_000;
export const dayMs = 24 * 3600_000;
/** How long contents and files of received messages are kept with the policy's `messageContent: pass`. */
export const passMs = 3 * dayMs;

/** True for a statement that deleted the maximum of rows, so more may be left. */
export const hasMore = ({ numAffectedRows = 0n }: { numAffectedRows?: bigint }) => numAffectedRows >= BigInt(sweepSize);

/** In SQL how many days the workspace `w` keeps such rows: from its policy, at most from its quota. */
export const keptDays = (
  name: "verifications" | "messages" | "media" | "content" | "events" | "deliveries" | "audit",
  { usual, most }: { usual: number; most: number },
) =>
  sql`min(coalesce(w.policy ->> ${`$.retentionDays.${name}`}, ${sql.lit(usual)}),
    coalesce(w.quota ->> ${`$.retentionDays.${name}`}, ${sql.lit(most)}))`;

/** Rows of one table that each workspace keeps for the time of its policy. */
interface KeptRows {
  table: "verification" | "message" | "media";
  idPrefix: IdPrefix;
  /** The field of `retentionDays`. */
  name: "verifications" | "messages" | "media";
  usualDays: number;
  mostDays: number;
  /** True in SQL for a row `t` that may be deleted. */
  when: RawBuilder<boolean>;
}

/** Deletes the rows that their workspaces no longer keep: ids sort by time, so each workspace's oldest rows are a range. */
export function deleteOldest(
  { db, now }: Services,
  { table, idPrefix, name, usualDays, mostDays, when }: KeptRows,
): CompiledQuery {
  const at = now().getTime();
  const firstIds = Array.from({ length: mostDays + 1 }, (_, age) =>
    createId(idPrefix, new Date(at - age * dayMs + 1), new Uint8Array(10)),
  );
  const days = keptDays(name, { usual: usualDays, most: mostDays });
  return sql`DELETE FROM ${sql.table(table)} WHERE id IN (SELECT t.id FROM workspace w CROSS JOIN ${sql.table(table)} t
    ON t.workspace_id = w.id AND t.id < json_extract(${JSON.stringify(firstIds)}, '$[' || ${days} || ']')
    WHERE ${when} LIMIT ${sweepSize})`.compile(db.kysely);
}
