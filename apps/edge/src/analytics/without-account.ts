import type { Scope } from "@sandi/contracts";
import { seesAccounts } from "../auth/powers.ts";
import type { TalliedStage } from "./figures.ts";

/** Counts as `sent` for keys without `lookup:read`, and does not count for other keys. */
export const unseenSent = "unseen:sent";
/** Prefix of an end that only keys without `lookup:read` see. For other keys the code is `undeliverable`. */
const seenEnd = "seen:";

/**
 * The counts that a key with these scopes sees. With `lookup:read`, codes that found no account are `undeliverable`
 * instead of their stored end. Without it, they are `sent` and have their stored end.
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
