import { createClient } from "@libsql/client/web";
import { createDatabase } from "@sandi/libsql";
import { DatabaseFetchError } from "./failures.ts";
import type { Db, Tables } from "./schema.ts";

/** A create whose answer is lost twice is undone within 15 seconds, before cron publishes its job. */
const databaseMs = 5_000;

/** A client keeps each call until its answer comes, and for ever if Cloudflare ends the request before that. */
const requestsPerClient = 100;

/** The database for one request after the other. Requests share a client: it holds no connection. */
export function databaseClients(url: string, authToken: string | undefined): () => Db {
  const create = () =>
    createDatabase<Tables>(
      createClient({
        url,
        ...(authToken === undefined ? {} : { authToken }),
        // With a limit, a call would wait for a call of another request.
        concurrency: Number.POSITIVE_INFINITY,
        fetch: databaseFetch,
      }),
    );
  let db = create();
  let requests = 0;
  return () => {
    if (++requests % requestsPerClient === 0) db = create();
    return db;
  };
}

async function databaseFetch(request: Request): Promise<Pick<Response, "ok" | "status" | "headers" | "text" | "json">> {
  try {
    const response = await fetch(request, { signal: AbortSignal.timeout(databaseMs) });
    const { ok, status, headers } = response;
    // The time-out also covers the body. A second `Response` would cost more than this part of one.
    const body = await response.text();
    return { ok, status, headers, text: async () => body, json: async <T>() => JSON.parse(body) as T };
  } catch (cause) {
    throw new DatabaseFetchError("the database did not answer", { cause });
  }
}
