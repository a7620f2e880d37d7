import { LibsqlError } from "@libsql/client";

/** What keeps the database from taking anything: it has no room left, or it does not answer. */
export type StoreFailure = "full" | "unreachable";

/** SQLite's own numbers; what is above the low byte says where it happened. */
const sqliteCodes = new Map<number, StoreFailure>([
  [13, "full"],
  [5, "unreachable"],
  [10, "unreachable"],
  [14, "unreachable"],
]);
const unreachable = /^(SERVER_ERROR|HRANA_\w+|SQLITE_(BUSY|IOERR|CANTOPEN|UNKNOWN)\w*)$/;
/** The second is Turso's, for a plan whose space is used up. */
const full = /^(SQLITE_FULL|BLOCKED)$/;

/** The request to a remote database was not answered; what it was to store may be stored or not. */
export class StoreUnreachable extends Error {
  override readonly name = "StoreUnreachable";
}

/** Why the database refused; undefined for errors that say nothing of it. */
export function storeFailure(error: unknown): StoreFailure | undefined {
  if (error instanceof StoreUnreachable) return "unreachable";
  if (error instanceof LibsqlError) {
    if (full.test(error.code)) return "full";
    return unreachable.test(error.code) || error.cause instanceof StoreUnreachable ? "unreachable" : undefined;
  }
  const { errcode } = (error ?? {}) as { errcode?: unknown };
  return typeof errcode === "number" ? sqliteCodes.get(errcode & 0xff) : undefined;
}

/** A `fetch` for the client of a remote database: no call outlives the time, and each failure has its name. */
export function boundedFetch(timeoutMs: number): (request: Request) => Promise<Response> {
  return async (request) => {
    try {
      const response = await fetch(request, { signal: AbortSignal.timeout(timeoutMs) });
      // Read whole in here, where the time is counted.
      return new Response(await response.arrayBuffer(), { status: response.status, headers: response.headers });
    } catch (cause) {
      throw new StoreUnreachable("the database does not answer", { cause });
    }
  };
}
