import type { Scope } from "@sandi/contracts";
import { seesAccounts } from "../messages/present.ts";
import type { TalliedStage } from "./figures.ts";

/** Sent, but only to keys that may not know that the number has no account. */
export const unseenSent = "unseen:sent";
/** Before the stored end of a code that was undeliverable to keys that may know. */
const seenEnd = "seen:";

/**
 * The counts as a key with these scopes sees them. With `lookup:read` the codes that found no account are
 * `undeliverable`, and not what they were stored as in the end; to other keys they were sent.
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
