import type { Scope } from "@sandi/contracts";
import { seesAccounts } from "../messages/present.ts";
import type { TalliedStage } from "./figures.ts";

/** Counted as `sent` for keys without `lookup:read`, and not at all for others. */
export const unseenSent = "unseen:sent";
/** Begins the stage of a code that ended otherwise for keys without `lookup:read`, and was `undeliverable` for others. */
const seenEnd = "seen:";

/**
 * The counts as a key with these scopes sees them. With `lookup:read`, codes that found no account are `undeliverable`
 * in place of their stored end. Without it, they are `sent` and end as stored.
 */
export function talliesFor<Row extends { stage: string; count: number }>(
  rows: readonly Row[],
  scopes: ReadonlySet<Scope>,
): (Row & { stage: TalliedStage })[] {
  const sees = seesAccounts(scopes);
  return rows.flatMap((row): (Row & { stage: TalliedStage })[] => {
    if (row.stage === unseenSent) return sees ? [] : [{ ...row, stage: "sent" }];
    if (!row.stage.startsWith(seenEnd)) return [row as Row & { stage: TalliedStage }];
    const stored = row.stage.slice(seenEnd.length) as TalliedStage;
    return sees
      ? [
          { ...row, stage: "undeliverable" },
          { ...row, stage: stored, count: -row.count },
        ]
      : [];
  });
}
