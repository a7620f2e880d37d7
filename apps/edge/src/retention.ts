import { createId } from "@sandi/contracts";
import { type CompiledQuery, sql } from "kysely";
import { forgetAlerts } from "./alerts/cron.ts";
import { jobKinds } from "./job-kinds.ts";
import { sweepJobs } from "./jobs/delete-jobs.ts";
import { idempotencyTtlMs } from "./http/idempotency.ts";
import type { Services } from "./services.ts";
import { pairingWindowMs } from "./sessions/pairing-budget.ts";

/** So many rows of a table go in one statement. */
export const sweepSize = 2_000;
const dayMs = 24 * 3600_000;
const eventRetentionMs = 30 * dayMs;
/** Who has not written for so long is a stranger again. */
const warmRetentionMs = 365 * dayMs;
/** Wrong codes in a row are remembered for so long. */
const budgetRetentionMs = 30 * dayMs;

/** Longer than any request to the database is under way. There is a receipt for each write, so many are deleted at once. */
const receiptMs = 3600_000;
const receiptSweepSize = 10 * sweepSize;

/** An ended key is listed for as long as the audit log keeps its entries by default. */
const endedKeyMs = 365 * dayMs;
/** How long the guard remembers a prefix after its block. */
const guardRetentionMs = 30 * dayMs;

/** In SQL the days that workspace `w` keeps such rows: its policy's, at most its quota's. */
const keptDays = (name: "verifications" | "messages" | "audit", { usual, most }: { usual: number; most: number }) =>
  sql`min(coalesce(w.policy ->> ${`$.retentionDays.${name}`}, ${sql.lit(usual)}),
    coalesce(w.quota ->> ${`$.retentionDays.${name}`}, ${sql.lit(most)}))`;

/** Tables whose rows each workspace keeps as long as it likes, by the names of its policy. */
const kept = {
  verifications: {
    prefix: "ver",
    table: "verification",
    usualDays: 7,
    longestDays: 90,
    only: sql`t.status <> 'pending'`,
  },
  codes: { prefix: "msg", table: "message", usualDays: 7, longestDays: 90, only: sql`t.verification_id IS NOT NULL` },
  messages: { prefix: "msg", table: "message", usualDays: 30, longestDays: 90, only: sql`t.verification_id IS NULL` },
} as const;

/** Deletes what a workspace does not keep any longer: ids sort by time, so each workspace's oldest rows are a range. */
function forget({ db, now }: Services, name: keyof typeof kept): CompiledQuery {
  const { prefix, table, usualDays, longestDays, only } = kept[name];
  const days = keptDays(name === "codes" ? "verifications" : name, { usual: usualDays, most: longestDays });
  const at = now().getTime();
  const firstIds = Array.from({ length: longestDays + 1 }, (_, age) =>
    createId(prefix, new Date(at - age * dayMs + 1), new Uint8Array(10)),
  );
  const isDone = table === "message" ? sql`t.status NOT IN ('queued', 'sending')` : sql`true`;
  return sql`DELETE FROM ${sql.table(table)} WHERE id IN (SELECT t.id FROM workspace w CROSS JOIN ${sql.table(table)} t
    ON t.workspace_id = w.id AND t.id < json_extract(${JSON.stringify(firstIds)}, '$[' || ${days} || ']')
    WHERE ${only} AND ${isDone} LIMIT ${sweepSize})`.compile(db.kysely);
}

/** Deletes what is old enough; answers whether there may be more. */
export async function sweep(services: Services): Promise<boolean> {
  const { db, now } = services;
  const at = now().getTime();
  const statements: CompiledQuery[] = [
    sql`DELETE FROM idempotency WHERE rowid IN (SELECT rowid FROM idempotency
      WHERE created_at <= ${at - idempotencyTtlMs} LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM idempotency WHERE rowid IN (SELECT rowid FROM idempotency
      WHERE expires_at <= ${at} LIMIT ${sweepSize})`.compile(db.kysely),
    ...(["verifications", "codes", "messages"] as const).map((name) => forget(services, name)),
    // Few rows, and kept for years: those beyond the shortest time are looked at one by one.
    sql`DELETE FROM audit WHERE id IN (SELECT a.id FROM workspace w CROSS JOIN audit a
      ON a.workspace_id = w.id AND a.id < ${createId("aud", new Date(at - 30 * dayMs), new Uint8Array(10))}
      WHERE a.created_at <= ${at} - ${keptDays("audit", { usual: 365, most: 365 })} * ${dayMs}
      LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM conversion WHERE (workspace_id, prefix, hour, stage, country, session_id, template_id, purpose, mode,
      bucket) IN (SELECT c.workspace_id, c.prefix, c.hour, c.stage, c.country, c.session_id, c.template_id, c.purpose,
        c.mode, c.bucket FROM workspace w CROSS JOIN conversion c ON c.workspace_id = w.id
          AND c.hour <= ${at} - coalesce(w.quota ->> '$.retentionDays.analytics', 184) * ${dayMs}
      LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM api_key WHERE id IN (SELECT id FROM api_key
      WHERE revoked_at <= ${at - endedKeyMs} OR expires_at <= ${at - endedKeyMs} LIMIT ${sweepSize})`.compile(
      db.kysely,
    ),
    sql`DELETE FROM prefix_guard WHERE (workspace_id, prefix) IN (SELECT workspace_id, prefix FROM prefix_guard
      WHERE updated_at <= ${at - guardRetentionMs} AND blocked_until <= ${at} LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM event WHERE seq IN (SELECT seq FROM event WHERE at <= ${at - eventRetentionMs} LIMIT ${sweepSize})`.compile(
      db.kysely,
    ),
    // The newest of each outcome tells when that was last.
    sql`DELETE FROM session_figure WHERE (workspace_id, session_id, outcome, slot) IN (
      SELECT workspace_id, session_id, outcome, slot FROM session_figure f WHERE slot <= ${at - dayMs}
        AND EXISTS (SELECT 1 FROM session_figure n WHERE n.workspace_id = f.workspace_id AND n.session_id = f.session_id
          AND n.outcome = f.outcome AND n.slot > f.slot) LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM destination_budget WHERE rowid IN (SELECT rowid FROM destination_budget
      WHERE updated_at <= ${at - budgetRetentionMs} LIMIT ${sweepSize})`.compile(db.kysely),
    // A day whose sends do not count any more.
    sql`DELETE FROM destination_send WHERE (workspace_id, to_hash) IN (SELECT workspace_id, to_hash FROM destination_send
      WHERE day_from <= ${at - 2 * dayMs} LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM access_rule WHERE id IN (SELECT id FROM access_rule WHERE expires_at <= ${at} LIMIT ${sweepSize})`.compile(
      db.kysely,
    ),
    sql`DELETE FROM warm_contact WHERE (workspace_id, to_hash, session_id) IN (SELECT workspace_id, to_hash, session_id
      FROM warm_contact WHERE last_at <= ${at - warmRetentionMs} LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM pairing_request WHERE id IN (SELECT id FROM pairing_request
      WHERE created_at <= ${at - pairingWindowMs} LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM write_receipt WHERE id IN (SELECT id FROM write_receipt
      WHERE id < ${createId("wrc", new Date(at - receiptMs), new Uint8Array(10))} LIMIT ${receiptSweepSize})`.compile(
      db.kysely,
    ),
    ...sweepJobs(db, jobKinds, { at, limit: sweepSize }),
    ...forgetAlerts(services),
  ];
  return (await db.write(statements)).some(hasMore);
}

/** A statement that has done as much as it may: there may be more. */
export const hasMore = ({ numAffectedRows = 0n }: { numAffectedRows?: bigint }) => numAffectedRows >= BigInt(sweepSize);
