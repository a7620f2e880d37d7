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
  /** One row `p` with the id of the sender and the mode. */
  picked: RawBuilder<unknown>;
  /** May name `p`. */
  rules: readonly Rule[];
}

/** Stores the verdict for the statements that follow in the same batch. `takeVerdict` is the last of them. */
export const decide = (db: Db, { id, picked, rules }: Decision): CompiledQuery =>
  sql`INSERT INTO admission (id, session_id, mode, verdict)
    SELECT ${id}, p.id, p.mode, ${firstOf(rules)} FROM ${picked} p`.compile(db.kysely);

/** True in SQL when no rule refuses the code. With `when`: and this is true of the decision `a`. */
export const isAdmitted = (id: string, when: RawBuilder<unknown> = sql`true`) =>
  sql<boolean>`EXISTS (SELECT 1 FROM admission a WHERE a.id = ${id} AND a.verdict IS NULL AND ${when})`;

/** Answers the verdict and deletes the decision. */
export const takeVerdict = (db: Db, id: string): CompiledQuery<{ verdict: string | null }> =>
  sql<{ verdict: string | null }>`DELETE FROM admission WHERE id = ${id} RETURNING verdict`.compile(db.kysely);

export const readVerdict = (text: string): Verdict => JSON.parse(text) as Verdict;
