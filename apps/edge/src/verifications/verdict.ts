import { type RawBuilder, sql } from "kysely";

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

/** In SQL the id of the pending verification, if `when` is true of the decision `a`. */
export const pendingOf = (id: string, when: RawBuilder<unknown>) =>
  sql<string>`(SELECT a.pending_id FROM admission a WHERE a.id = ${id} AND ${when})`;

export const readVerdict = (text: string): Verdict => JSON.parse(text) as Verdict;
