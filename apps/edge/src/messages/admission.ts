import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";

/** A rule in SQL: NULL when it lets the message pass, else its verdict as JSON. */
export type Rule = RawBuilder<string | null>;

/** A rule whose verdict has no facts. */
export const refuseWhen = (condition: RawBuilder<unknown>, name: string): Rule =>
  sql`CASE WHEN ${condition} THEN ${sql.lit(JSON.stringify([name]))} END`;

/** The verdict of the first of these rules that refuses. */
export const firstOf = (rules: readonly Rule[]): Rule => sql`coalesce(${sql.join([...rules, sql`NULL`])}, NULL)`;

interface Decision {
  /** The id of the message that would be sent. */
  id: string;
  /**
   * One row `p`: the `id` of the sender, the `mode`, and of the pending verification the `pending_id` and the
   * `pending_step`, which is the transition that it takes.
   */
  picked: RawBuilder<unknown>;
  /** May name `p`. */
  rules: readonly Rule[];
}

/** Stores the verdict for the statements that follow in the same batch. `takeVerdict` is the last of them. */
export const decide = (db: Db, { id, picked, rules }: Decision): CompiledQuery =>
  sql`INSERT INTO admission (id, session_id, mode, verdict, pending_id, pending_step)
    SELECT ${id}, p.id, p.mode, ${firstOf(rules)}, p.pending_id, p.pending_step FROM ${picked} p`.compile(db.kysely);

/** Answers the verdict and deletes the decision. */
export const takeVerdict = (db: Db, id: string): CompiledQuery<{ verdict: string | null }> =>
  sql<{ verdict: string | null }>`DELETE FROM admission WHERE id = ${id} RETURNING verdict`.compile(db.kysely);

/** For a message that is no code: whether the sender of `found` may write. */
export const pickedOf = (found: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`(SELECT s.id, s.may_write, NULL AS mode, NULL AS pending_id, NULL AS pending_step
    FROM (SELECT 1) LEFT JOIN ${found} s ON true)`;
