import { type RawBuilder, sql } from "kysely";
import type { Tenant } from "./auth/tenant.ts";

/** A page of a list whose filters may match few rows looks at this many rows at most: about ten milliseconds. */
export const mostLookedAt = 5_000;

/** Items of a page. `continueAt`: the page looked at no rows below this id, so the next page begins there. */
export interface Found<Item> {
  items: Item[];
  continueAt: string | undefined;
}

interface Listed {
  table: "verification" | "audit" | "message" | "delivery";
  /** The index of the rows by id, if it does not have the table's usual name. */
  index?: string;
  /** True in SQL for the rows of that index. */
  which?: RawBuilder<unknown>;
  tenant: Tenant;
  /** The ids to list: from this one, before that one. */
  from: string;
  before: string;
}

/** The newest rows of a list, at most `mostLookedAt`. Both queries of a page run in one transaction. */
export function windowOf({ table, index, which, tenant: { workspaceId, test }, from, before }: Listed) {
  // The sandbox has few rows among many: it has an index of its own.
  const rows = sql`${sql.table(table)} INDEXED BY ${sql.ref(index ?? `${table}_${test === 1 ? "test" : "workspace"}`)}`;
  const floor = sql<{ id: string }>`SELECT id FROM ${rows} WHERE workspace_id = ${workspaceId}
    AND id >= ${from} AND id < ${before} ${test === 1 ? sql`AND test = 1` : sql``}${which ? sql` AND ${which}` : sql``} ORDER BY id DESC
    LIMIT 1 OFFSET ${mostLookedAt - 1}`;
  return {
    /** Answers the lowest id of the window; no row if the window has all. */
    floor,
    /** True in SQL for an id in the window. */
    has: (id: RawBuilder<unknown>) => sql<boolean>`${id} < ${before} AND ${id} >= coalesce((${floor}), ${from})`,
  };
}
