import { LibsqlError } from "@libsql/client";

/** Why the database accepts no writes: it is full, or it does not answer. */
export type StoreFailure = "full" | "unreachable";

/** SQLite's primary result codes, the low byte; the higher bits say where the error happened. */
const sqliteCodes = new Map<number, StoreFailure>([
  [13, "full"],
  [5, "unreachable"],
  [10, "unreachable"],
  [14, "unreachable"],
]);
const unreachable = /^(SERVER_ERROR|HRANA_\w+|SQLITE_(BUSY|IOERR|CANTOPEN|UNKNOWN)\w*)$/;
/** BLOCKED is Turso's code for a plan whose space is used up. */
const full = /^(SQLITE_FULL|BLOCKED)$/;

/** The request to a remote database was not answered. Its writes may be stored or not. */
export class StoreUnreachable extends Error {
  override readonly name = "StoreUnreachable";
}

/** Why the database refused; undefined for any other error. */
export function storeFailure(error: unknown): StoreFailure | undefined {
  if (error instanceof StoreUnreachable) return "unreachable";
  if (error instanceof LibsqlError) {
    if (full.test(error.code)) return "full";
    return unreachable.test(error.code) || error.cause instanceof StoreUnreachable ? "unreachable" : undefined;
  }
  const { errcode } = (error ?? {}) as { errcode?: unknown };
  return typeof errcode === "number" ? sqliteCodes.get(errcode & 0xff) : undefined;
}

/** A `fetch` for the client of a remote database. Each call ends in time, and each failure is a `StoreUnreachable`. */
export function boundedFetch(timeoutMs: number): (url: string, init: RequestInit) => Promise<Response> {
  return async (url, init) => {
    try {
      const response = await fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs) });
      // The body is read here, so that the time limit includes it.
      return new Response(await response.arrayBuffer(), { status: response.status, headers: response.headers });
    } catch (cause) {
      throw new StoreUnreachable("the database does not answer", { cause });
    }
  };
}
