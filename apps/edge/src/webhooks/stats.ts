import type { DeliveryError, WebhookFigures, WebhookStats } from "@sandi/contracts";
import { percentilesOf } from "../analytics/figures.ts";
import type { Range } from "../analytics/range.ts";
import type { Db } from "../db/schema.ts";
import type { EndpointHourTable } from "../db/tables/deliveries.ts";
import { iso } from "../time.ts";

type Counted = Pick<EndpointHourTable, "outcome" | "bucket" | "count">;

/** What became of an endpoint's attempts, by hour and in total. */
export async function statsOf(db: Db, endpointId: string, { from, to }: Range): Promise<WebhookStats> {
  const rows = await db.kysely
    .selectFrom("endpointHour")
    .select(["hour", "outcome", "bucket", "count"])
    .where("endpointId", "=", endpointId)
    .where("hour", ">=", from)
    .where("hour", "<", to)
    .orderBy("hour")
    .execute();
  const hours = Map.groupBy(rows, ({ hour }) => hour);
  return {
    from: iso(from),
    to: iso(to),
    total: figuresOf(rows),
    hours: [...hours].map(([hour, counted]) => Object.assign({ at: iso(hour) }, figuresOf(counted))),
  };
}

function figuresOf(rows: readonly Counted[]): WebhookFigures {
  const errors: Partial<Record<DeliveryError, number>> = {};
  let attempts = 0;
  for (const { outcome, count } of rows) {
    attempts += count;
    if (outcome !== "delivered") errors[outcome] = (errors[outcome] ?? 0) + count;
  }
  const answered = rows.filter(({ outcome }) => outcome === "delivered");
  const delivered = answered.reduce((sum, { count }) => sum + count, 0);
  const successRate = attempts === 0 ? null : delivered / attempts;
  return { attempts, delivered, successRate, errors, latencies: percentilesOf(answered) };
}
