import { utf8 } from "@sandi/crypto";
import { type CompiledQuery, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { DeliveryAttemptTable, DeliveryTable } from "../db/tables/deliveries.ts";
import type { Services } from "../services.ts";
import type { Sent } from "./send.ts";

type Attempted = Pick<DeliveryTable, "id" | "workspaceId" | "endpointId" | "attempts">;

const contextOf = (deliveryId: string) => ({ table: "delivery_attempt", column: "answer", id: deliveryId });
const hourMs = 3600_000;

/** The beginning of an answer's body, sealed for its row; null if it is empty. */
export const sealAnswer = async (
  { atRest }: Services,
  { id, workspaceId }: Pick<Attempted, "id" | "workspaceId">,
  text: string,
): Promise<string | null> => (text === "" ? null : atRest(workspaceId).seal(utf8(text), contextOf(id)));

/** Opens the answer of a row of `delivery_attempt`. */
export const openAnswer = async (
  { atRest }: Services,
  workspaceId: string,
  { deliveryId, answer }: Pick<DeliveryAttemptTable, "deliveryId"> & { answer: string },
): Promise<string> => new TextDecoder().decode(await atRest(workspaceId).open(answer, contextOf(deliveryId)));

/** Writes an attempt into the log, and counts it in its hour. */
export function insertAttempt(
  { kysely }: Db,
  { id, endpointId, attempts }: Attempted,
  { sent: { outcome, startedAt, durationMs }, answer }: { sent: Sent; answer: string | null },
): CompiledQuery[] {
  const error = outcome.kind === "delivered" ? null : outcome.error;
  return [
    sql`INSERT INTO delivery_attempt (delivery_id, number, at, duration_ms, status, error, answer)
      SELECT id, ${attempts}, ${startedAt}, ${durationMs}, ${outcome.status}, ${error}, ${answer}
      FROM delivery WHERE id = ${id} ON CONFLICT DO NOTHING`.compile(kysely),
    sql`INSERT INTO endpoint_hour (endpoint_id, hour, outcome, bucket, count)
      SELECT id, ${startedAt - (startedAt % hourMs)}, ${error ?? "delivered"},
        (SELECT max(floor_ms) FROM latency_bucket WHERE floor_ms <= ${Math.max(1, durationMs)}), 1
      FROM endpoint WHERE id = ${endpointId} ON CONFLICT DO UPDATE SET count = count + 1`.compile(kysely),
  ];
}
