import { LibsqlError } from "@libsql/client/web";

/** A constraint of the schema refused the batch. Nothing was stored. */
export const isConstraint = (error: unknown): boolean =>
  error instanceof LibsqlError && error.code.startsWith("SQLITE_CONSTRAINT");

/** Whether this constraint of the table `refusal` made the batch fail. Then nothing was stored. */
export const isRefused = (
  error: unknown,
  constraint: "caller_may_no_more" | "no_manager_is_left" | "requirement_is_not_met",
): boolean => isConstraint(error) && error instanceof LibsqlError && error.message.includes(constraint);

const networkCodes = new Set(["SERVER_ERROR", "HRANA_WEBSOCKET_ERROR", "HRANA_PROTO_ERROR", "HRANA_CLOSED_ERROR"]);

/**
 * The database gave no usable answer, or was busy. The writes of the request may or may not be stored.
 */
export function isUnreachable(error: unknown): boolean {
  if (error instanceof LibsqlError) {
    return networkCodes.has(error.code) || error.code.startsWith("SQLITE_BUSY") || error.code === "SQLITE_UNKNOWN";
  }
  return error instanceof DatabaseFetchError;
}

/** The database or its plan is full. Nothing was stored, and reads still work. */
export const isFull = (error: unknown): boolean =>
  error instanceof LibsqlError && (error.code.startsWith("SQLITE_FULL") || error.code === "BLOCKED");

/** The HTTP request to the database failed. The fetch of the database client throws it. */
export class DatabaseFetchError extends Error {
  override readonly name = "DatabaseFetchError";
}
