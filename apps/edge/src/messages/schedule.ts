import { AppError } from "@sandi/contracts";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { dayMs } from "../retention.ts";

const furthestMs = 90 * dayMs;

/** The time of `sendAt` in milliseconds; null: at once. Throws `invalid-request` for the past and the far future. */
export function timeOf(text: string | undefined, at: number): number | null {
  if (text === undefined) return null;
  const time = Date.parse(text);
  const message =
    time <= at ? "must be in the future" : time > at + furthestMs ? "must be at most 90 days ahead" : undefined;
  if (message) throw new AppError("invalid-request", { errors: [{ pointer: "/sendAt", message }] });
  return time;
}

/** Sets or changes the time of scheduled messages. Their lifetime begins then. */
export const scheduleAt = (
  db: Db,
  { which, sendAt, at }: { which: RawBuilder<boolean>; sendAt: number; at: number },
): CompiledQuery =>
  sql`UPDATE message SET send_at = ${sendAt}, due_at = ${sendAt}, expires_at = ${sendAt} + lifetime_ms, updated_at = ${at}
    WHERE ${which} AND message.status = 'scheduled'`.compile(db.kysely);
