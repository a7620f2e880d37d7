import { createClient } from "@libsql/client/web";
import { createDatabase } from "@sandi/libsql";
import { DatabaseFetchError } from "./failures.ts";
import type { Db, Tables } from "./schema.ts";

/** A create whose answer is lost twice is undone within 15 seconds, before cron publishes its job. */
const databaseMs = 5_000;

/**
 * Opens the database for one request: requests that share a client can hang when the caller of one of them hangs up. The
 * clients share their configuration, so that it is read once.
 */
export function databaseOpener(url: string, authToken: string | undefined): () => Db {
  const config = {
    url,
    ...(authToken === undefined ? {} : { authToken }),
    concurrency: Number.POSITIVE_INFINITY,
    fetch: databaseFetch,
  };
  return () => createDatabase<Tables>(createClient(config));
}

async function databaseFetch(
  url: string,
  init: RequestInit,
): Promise<Pick<Response, "ok" | "status" | "headers" | "text" | "json">> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(databaseMs) });
    // The time-out also covers the body. A second `Response` would cost more than this part of one.
    const body = await response.text();
    return {
      ok: response.ok,
      status: response.status,
      // Read only for errors, so the object is made only then.
      get headers() {
        return response.headers;
      },
      text: async () => body,
      json: async <T>() => JSON.parse(body) as T,
    };
  } catch (cause) {
    throw new DatabaseFetchError("the database did not answer", { cause });
  }
}
