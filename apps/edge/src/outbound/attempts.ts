import { utf8 } from "@sandi/crypto";
import { type CompiledQuery, sql } from "kysely";
import type { DeliveryAttemptTable, DeliveryTable } from "../db/tables/deliveries.ts";
import type { Services } from "../services.ts";
import type { Sent } from "./send.ts";
import type { Topic } from "./topic.ts";

type Attempted = Pick<DeliveryTable, "id" | "workspaceId" | "endpointId" | "type" | "attempts">;

const contextOf = (deliveryId: string) => ({ table: "delivery_attempt", column: "answer", id: deliveryId });
const hourMs = 3600_000;

/** Opens the answer of a row of `delivery_attempt`. */
export const openAnswer = async (
  { atRest }: Services,
  workspaceId: string,
  { deliveryId, answer }: Pick<DeliveryAttemptTable, "deliveryId"> & { answer: string },
): Promise<string> => new TextDecoder().decode(await atRest(workspaceId).open(answer, contextOf(deliveryId)));

/**
 * Statements that write an attempt into the log, with the beginning of the answer, and count it in its hour. Tests are not
 * counted. None for topics without a log: the answers of chat services may hold secrets.
 */
export async function logAttempt(
  { db: { kysely }, atRest }: Services,
  { isLogged }: Topic,
  { delivery, sent }: { delivery: Attempted; sent: Sent },
): Promise<CompiledQuery[]> {
  if (!isLogged) return [];
  const { id, workspaceId, endpointId, type, attempts } = delivery;
  const { outcome, startedAt, durationMs, text } = sent;
  const error = outcome.kind === "delivered" ? null : outcome.error;
  const answer = text === "" ? null : await atRest(workspaceId).seal(utf8(text), contextOf(id));
  return [
    sql`INSERT INTO delivery_attempt (delivery_id, number, at, duration_ms, status, error, answer)
      SELECT id, ${attempts}, ${startedAt}, ${durationMs}, ${outcome.status}, ${error}, ${answer}
      FROM delivery WHERE id = ${id} ON CONFLICT DO NOTHING`,
    sql`INSERT INTO endpoint_hour (endpoint_id, hour, outcome, bucket, count)
      SELECT id, ${startedAt - (startedAt % hourMs)}, ${error ?? "delivered"},
        (SELECT max(floor_ms) FROM latency_bucket WHERE floor_ms <= ${Math.max(1, durationMs)}), 1
      FROM endpoint WHERE id = ${endpointId} AND ${type} <> 'test' ON CONFLICT DO UPDATE SET count = count + 1`,
  ].map((statement) => statement.compile(kysely));
}
