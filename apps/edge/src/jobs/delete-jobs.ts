import { type CompiledQuery, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { idsOf } from "./append-job.ts";
import type { JobKind } from "./kind.ts";

/** Deletes jobs that these subjects no longer need. */
export function deleteDoneJobs(
  db: Db,
  kinds: readonly JobKind[],
  { ids, at }: { ids: readonly string[]; at: number },
): CompiledQuery {
  // Kinds that share their condition, such as codes and texts, share its SQL.
  const cases = [...Map.groupBy(kinds, ({ isWanted }) => isWanted).values()].map(
    (group) => sql`(kind IN (${sql.join(group.map(({ name }) => name))}) AND ${isDone(group[0]!, at)})`,
  );
  return sql`DELETE FROM job WHERE subject_id IN (${idsOf([...new Set(ids)])}) AND (${sql.join(cases, sql` OR `)})`.compile(
    db.kysely,
  );
}

/** The same for all due jobs, at most `limit` of each kind. */
export const sweepJobs = (
  db: Db,
  kinds: readonly JobKind[],
  { at, limit }: { at: number; limit: number },
): CompiledQuery[] =>
  kinds.map((kind) =>
    sql`DELETE FROM job WHERE kind = ${kind.name} AND subject_id IN (SELECT subject_id FROM job
      WHERE kind = ${kind.name} AND publish_after <= ${at} AND ${isDone(kind, at)} LIMIT ${limit})`.compile(db.kysely),
  );

const isDone = (kind: JobKind, at: number) =>
  sql<boolean>`(job.expires_at <= ${at} OR NOT EXISTS (SELECT 1 FROM ${sql.table(kind.subject)}
    WHERE ${sql.table(kind.subject)}.id = job.subject_id AND ${kind.isWanted(at)}))`;
