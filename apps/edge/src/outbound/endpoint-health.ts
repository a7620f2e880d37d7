import { type CompiledQuery, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { NewDeliveries } from "./delivery.ts";
import type { Failure } from "./outcome.ts";
import type { Claimed, Topic } from "./topic.ts";

interface Failed {
  delivery: Claimed;
  topic: Topic;
  failure: Failure;
  at: number;
}

/** Statements that count a failure of an endpoint, and pause it if its topic says so, which other endpoints may report. */
export function failEndpoint(
  db: Db,
  topics: readonly Topic[],
  { delivery: { endpointId }, topic, failure, at }: Failed,
): { counted: CompiledQuery[]; reports: { changes: CompiledQuery[]; reports: NewDeliveries }[] } {
  const { because, when } = topic.pauseAfter(failure, at);
  return {
    counted: [
      sql`UPDATE endpoint SET failures_in_row = failures_in_row + 1, failing_since = coalesce(failing_since, ${at})
        WHERE id = ${endpointId}`,
      sql`UPDATE endpoint SET paused_at = ${at}, paused_because = ${because}, updated_at = ${at}
        WHERE id = ${endpointId} AND paused_at IS NULL AND ${when}`,
    ].map((statement) => statement.compile(db.kysely)),
    reports: topics.flatMap(({ onFailure }) => onFailure?.(db, { endpointId, because, at }) ?? []),
  };
}

/** An attempt that succeeds sets the count of failures to 0. */
export const endFailures = ({ kysely }: Db, endpointId: string): CompiledQuery =>
  sql`UPDATE endpoint SET failures_in_row = 0, failing_since = NULL
    WHERE id = ${endpointId} AND (failures_in_row > 0 OR failing_since IS NOT NULL)`.compile(kysely);
