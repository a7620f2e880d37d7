import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";

/** What a destination was sent so far, by window. The last two are over all workspaces. */
export interface SendCounts {
  shortFrom: number | null;
  shortCount: number | null;
  hourFrom: number | null;
  hourCount: number | null;
  dayFrom: number | null;
  dayCount: number | null;
  globalFrom: number | null;
  globalCount: number | null;
}

/** The first rule that refuses a code, with the facts of the refusal. A number is the time until which it refuses. */
export type Verdict =
  | ["repeated"]
  | ["ended"]
  | ["no-sender"]
  | ["blocked"]
  | ["country"]
  | ["guarded", number]
  | ["locked", number]
  | ["waiting", number]
  | ["exhausted", number]
  | ["cooldown", number]
  | ["limited", SendCounts];

/** A rule in SQL: NULL when it lets the code pass, else its verdict as JSON. */
export type Rule = RawBuilder<string | null>;

/** A rule whose verdict has no facts. */
export const refuseWhen = (
  condition: RawBuilder<unknown>,
  name: "repeated" | "ended" | "no-sender" | "blocked" | "country",
): Rule => sql`CASE WHEN ${condition} THEN ${sql.lit(JSON.stringify([name]))} END`;

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

/** In SQL the id of the pending verification, if `when` is true of the decision `a`. */
export const pendingOf = (id: string, when: RawBuilder<unknown>) =>
  sql<string>`(SELECT a.pending_id FROM admission a WHERE a.id = ${id} AND ${when})`;

/** Answers the verdict and deletes the decision. */
export const takeVerdict = (db: Db, id: string): CompiledQuery<{ verdict: string | null }> =>
  sql<{ verdict: string | null }>`DELETE FROM admission WHERE id = ${id} RETURNING verdict`.compile(db.kysely);

export const readVerdict = (text: string): Verdict => JSON.parse(text) as Verdict;
