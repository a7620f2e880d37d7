import type { Destination, GuardedPrefix } from "@sandi/contracts";
import type { Db, Tables } from "../db/schema.ts";
import { iso } from "../time.ts";
import type { Phone } from "../phone.ts";
import { windows } from "../messages/destination-sends.ts";

type Budget = Tables["destinationBudget"];
type Sends = Tables["destinationSend"];

/** The limits of a number and how much of them is used, in one round trip. */
export async function findDestination(
  db: Db,
  workspaceId: string,
  { toHash, phone, at }: { toHash: string; phone: Phone; at: number },
): Promise<Destination> {
  const [budget, sends] = await db.read([selectBudget(db, workspaceId, toHash), selectSends(db, workspaceId, toHash)]);
  return toDestination(phone, { budget: budget.rows[0], sends: sends.rows[0], at });
}

export const selectBudget = (db: Db, workspaceId: string, toHash: string) =>
  db.kysely
    .selectFrom("destinationBudget")
    .selectAll()
    .where("workspaceId", "=", workspaceId)
    .where("toHash", "=", toHash);

export const selectSends = (db: Db, workspaceId: string, toHash: string) =>
  db.kysely
    .selectFrom("destinationSend")
    .selectAll()
    .where("workspaceId", "=", workspaceId)
    .where("toHash", "=", toHash);

interface Known {
  budget: Budget | undefined;
  sends: Sends | undefined;
  at: number;
}

function toDestination({ masked }: Phone, { budget, sends, at }: Known): Destination {
  const within = (from: number | undefined, ms: number, count: number | undefined) =>
    from !== undefined && from > at - ms ? (count ?? 0) : 0;
  const lockedUntil = budget?.lockedUntil ?? 0;
  return {
    to: masked,
    failedChecks: {
      lastHour: within(budget?.failuresFrom, windows.hourMs, budget?.failures),
      inARow: budget?.consecutive ?? 0,
    },
    locks: budget?.locks ?? 0,
    lockedUntil: lockedUntil > at ? iso(lockedUntil) : null,
    sends: {
      last10Minutes: within(sends?.shortFrom, windows.shortMs, sends?.shortCount),
      lastHour: within(sends?.hourFrom, windows.hourMs, sends?.hourCount),
      lastDay: within(sends?.dayFrom, windows.dayMs, sends?.dayCount),
    },
  };
}

/** Sorted by their digits. */
export function findGuardedPrefixes(
  db: Db,
  workspaceId: string,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
) {
  let query = db.kysely.selectFrom("prefixGuard").selectAll().where("workspaceId", "=", workspaceId);
  if (cursor !== undefined) query = query.where("prefix", ">", cursor);
  return query.orderBy("prefix").limit(limit).execute();
}

export const toGuardedPrefix = (row: Tables["prefixGuard"], at: number): GuardedPrefix => ({
  prefix: row.prefix,
  blockedUntil: row.blockedUntil > at ? iso(row.blockedUntil) : null,
  strikes: row.strikes,
  sends: row.sends,
  approved: row.approved,
});
