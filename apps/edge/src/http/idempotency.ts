import { AppError } from "@sandi/contracts";
import type { Context } from "hono";
import type { CompiledQuery } from "kysely";
import type { EdgeDatabase } from "../db/schema.ts";
import type { AppEnv } from "./env.ts";
import { libsqlCode } from "./problems.ts";

/** One use of an `Idempotency-Key`: stored by the very write that it guards, so that both happen or neither. */
export interface IdempotentRequest {
  keyHash: string;
  fingerprint: string;
  /** The first statements of the write: they abort it when the key was used before. */
  reserve(db: EdgeDatabase, workspaceId: string, resource: { id: string; at: number }): CompiledQuery[];
}

const keptMs = 24 * 3600 * 1000;

/** Reads the header; undefined when there is none. The fingerprint covers method, path and the body in canonical form. */
export async function idempotentRequest(c: Context<AppEnv>): Promise<IdempotentRequest | undefined> {
  const key = c.req.header("idempotency-key");
  if (key === undefined) return undefined;
  if (!/^[!-~]{1,255}$/.test(key)) {
    throw new AppError("invalid-request", {
      errors: [{ pointer: "header/idempotency-key", message: "must be 1 to 255 printable ASCII characters without spaces" }],
    });
  }
  const body: unknown = await c.req.json();
  const [keyHash, fingerprint] = await Promise.all([digest(key), digest(`${c.req.method} ${c.req.path} ${canonical(body)}`)]);
  return {
    keyHash,
    fingerprint,
    reserve: ({ kysely }, workspaceId, { id, at }) => [
      kysely
        .deleteFrom("idempotency")
        .where("workspaceId", "=", workspaceId)
        .where("keyHash", "=", keyHash)
        .where("createdAt", "<=", at - keptMs)
        .compile(),
      kysely.insertInto("idempotency").values({ workspaceId, keyHash, fingerprint, resourceId: id, createdAt: at }).compile(),
    ],
  };
}

/**
 * Runs a guarded write. When the key was used before: answers what the first request made, or throws
 * `idempotency-key-reused` if that was another request.
 */
export async function onceOnly<T>(
  db: EdgeDatabase,
  workspaceId: string,
  guarded: { request: IdempotentRequest | undefined; write: () => Promise<T> },
): Promise<{ result: T } | { replayOf: { resourceId: string; createdAt: number } }> {
  const { request, write } = guarded;
  if (!request) return { result: await write() };
  try {
    return { result: await write() };
  } catch (error) {
    if (!libsqlCode(error)?.startsWith("SQLITE_CONSTRAINT")) throw error;
    const first = await db.kysely
      .selectFrom("idempotency")
      .selectAll()
      .where("workspaceId", "=", workspaceId)
      .where("keyHash", "=", request.keyHash)
      .executeTakeFirst();
    if (!first) throw error;
    if (first.fingerprint !== request.fingerprint) throw new AppError("idempotency-key-reused", { cause: error });
    return { replayOf: first };
  }
}

async function digest(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return btoa(String.fromCharCode(...new Uint8Array(bytes)));
}

/** JSON with sorted keys, so that the order of fields does not make another request. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`).join(",")}}`;
}
