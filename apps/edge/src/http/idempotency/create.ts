import { AppError } from "@sandi/contracts";
import { base64url, hmac, utf8 } from "@sandi/crypto";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Context } from "hono";
import type { Db } from "../../db/schema.ts";
import type { Services } from "../../services.ts";
import type { AppEnv } from "../app-env.ts";

/** A request's `Idempotency-Key`, and a fingerprint of the request, to recognize the same request. */
export interface IdempotencyKey {
  keyHash: string;
  fingerprint: string;
}

/** The stored answer of the first request with the same key. */
export interface StoredResponse {
  fingerprint: string;
  resourceId: string;
  response: string | null;
  isSealed: 0 | 1;
}

/** The result of a create. */
export interface Accepted<Resource> {
  resource: Resource;
  replayed: boolean;
}

export const idempotencyTtlMs = 24 * 3600_000;

/** Reads `Idempotency-Key`. Runs after `jsonBody`. */
export async function readIdempotencyKey(c: Context<AppEnv>): Promise<IdempotencyKey | undefined> {
  const given = c.req.header("idempotency-key");
  if (given === undefined) return undefined;
  if (!/^[\x20-\x7e]{1,255}$/.test(given)) {
    throw new AppError("invalid-request", {
      errors: [{ pointer: "header/Idempotency-Key", message: "must be 1 to 255 printable ASCII characters" }],
    });
  }
  const body = c.get("rawBody") ? canonical(await c.req.json<unknown>()) : "";
  // The same request with a test key is another request.
  const actor = c.get("ctx")?.actor;
  const isTest = actor?.environment === "test";
  // Without `lookup:read`, a caller must not get an answer that shows who has a WhatsApp account.
  const viewer = actor?.scopes.has("lookup:read") ? "" : " unseen";
  return {
    keyHash: await sha256(isTest ? `test\0${given}` : given),
    // An HMAC, because the body may hold a code, and a code has only a million values.
    fingerprint: await hmac(
      c.env.services.phoneKey.current.bytes,
      utf8(`fingerprint.v1${viewer}\0${c.req.method} ${c.req.path}\n${body}`),
    ),
  };
}

/** The key of one item of a batch, so that each item is created once. */
export async function itemOf({ keyHash, fingerprint }: IdempotencyKey, index: number): Promise<IdempotencyKey> {
  return { keyHash: await sha256(`${keyHash}/${index}`), fingerprint };
}

/** Reads the stored response inside the batch that may create one. */
export function selectStoredResponse(
  db: Db,
  workspaceId: string,
  idempotencyKey: IdempotencyKey | undefined,
  since: number,
) {
  return sql<StoredResponse>`SELECT fingerprint, resource_id, response, is_sealed FROM idempotency
    WHERE workspace_id = ${workspaceId} AND key_hash = ${idempotencyKey?.keyHash ?? ""} AND created_at > ${since}`.compile(
    db.kysely,
  );
}

/** True in SQL if no request with this key is stored yet. */
export function isFirstRequest(workspaceId: string, idempotencyKey: IdempotencyKey | undefined, since: number) {
  if (!idempotencyKey) return sql<boolean>`1`;
  return sql<boolean>`NOT EXISTS (SELECT 1 FROM idempotency WHERE workspace_id = ${workspaceId}
    AND key_hash = ${idempotencyKey.keyHash} AND created_at > ${since})`;
}

/** Stores, in the batch that creates a resource, the key with the resource's id. `made` selects the `id`, or nothing. */
export function storeIdempotencyKey(
  db: Db,
  workspaceId: string,
  { idempotencyKey, made, at }: { idempotencyKey: IdempotencyKey | undefined; made: RawBuilder<unknown>; at: number },
): CompiledQuery[] {
  if (!idempotencyKey) return [];
  // An older row of the same key has expired, or nothing would have been created.
  return [
    sql`INSERT OR REPLACE INTO idempotency (workspace_id, key_hash, fingerprint, resource_id, created_at)
      SELECT ${workspaceId}, ${idempotencyKey.keyHash}, ${idempotencyKey.fingerprint}, id, ${at} FROM (${made})`.compile(
      db.kysely,
    ),
  ];
}

/** True in SQL if this key has no stored answer: its row, if any, belongs to a write whose answer was lost. */
export function hasNoResponse(workspaceId: string, idempotencyKey: IdempotencyKey | undefined) {
  if (!idempotencyKey) return sql<boolean>`1`;
  return sql<boolean>`NOT EXISTS (SELECT 1 FROM idempotency WHERE workspace_id = ${workspaceId}
    AND key_hash = ${idempotencyKey.keyHash} AND response IS NOT NULL)`;
}

/** Deletes a key whose resource was undone. The row of another request stays. */
export function forgetIdempotencyKey(
  db: Db,
  workspaceId: string,
  { idempotencyKey, at }: { idempotencyKey: IdempotencyKey | undefined; at: number },
): CompiledQuery[] {
  if (!idempotencyKey) return [];
  return [
    sql`DELETE FROM idempotency WHERE workspace_id = ${workspaceId} AND key_hash = ${idempotencyKey.keyHash}
      AND created_at = ${at} AND response IS NULL`.compile(db.kysely),
  ];
}

/**
 * Gives the answer of an earlier request again. If the answer is not stored, it is rendered and stored before it is sent,
 * so that its resource is not undone. Throws `database-unavailable` if the resource was undone: a retry creates it.
 */
export async function replay<Resource>(
  services: Services,
  workspaceId: string,
  { earlier, idempotencyKey, render }: Replay<Resource>,
): Promise<Accepted<Resource>> {
  const { fingerprint, resourceId, response, isSealed } = earlier;
  if (fingerprint !== idempotencyKey?.fingerprint) throw new AppError("idempotency-key-reused");
  if (response !== null) {
    const text = isSealed ? await openResponse(services, workspaceId, idempotencyKey, response) : response;
    return { resource: JSON.parse(text) as Resource, replayed: true };
  }
  const resource = await render(resourceId).catch((error: unknown) => asError(error));
  // An error is not stored. It is thrown only if the resource was not undone.
  const text = resource instanceof Error ? null : JSON.stringify(resource);
  const { rows } = await services.db.kysely.executeQuery(
    sql<{ id: string }>`UPDATE idempotency SET response = coalesce(response, ${text})
      WHERE workspace_id = ${workspaceId} AND key_hash = ${idempotencyKey.keyHash} AND resource_id = ${resourceId}
      RETURNING resource_id AS id`.compile(services.db.kysely),
  );
  if (rows.length === 0) throw new AppError("database-unavailable", { retryAfter: 1 });
  if (resource instanceof Error) throw resource;
  return { resource, replayed: true };
}

/** The error that was thrown, or one that has the thrown value as its cause. */
export const asError = (error: unknown) =>
  error instanceof Error ? error : new Error("not an error", { cause: error });

interface Replay<Resource> {
  earlier: StoredResponse;
  idempotencyKey: IdempotencyKey | undefined;
  render: (id: string) => Promise<Resource>;
}

interface Answered {
  idempotencyKey: IdempotencyKey | undefined;
  response: unknown;
  /** It holds a revealed code, so it is sealed, and deleted with the code. */
  isSecret?: boolean;
}

/** Stores the answer for replays, in the background. */
export function keepResponse(
  services: Services,
  workspaceId: string,
  { idempotencyKey, response, isSecret = false }: Answered,
): void {
  if (!idempotencyKey) return;
  const { db, waitUntil, log } = services;
  const { keyHash } = idempotencyKey;
  const work = async () => {
    const text = JSON.stringify(response);
    const stored = isSecret ? await sealResponse(services, workspaceId, idempotencyKey, text) : text;
    // The answer is not stored if the verification has ended meanwhile.
    const stillSecret = sql`(${isSecret ? 0 : 1} OR EXISTS (SELECT 1 FROM verification v WHERE v.id = resource_id
      AND v.workspace_id = ${workspaceId} AND v.status = 'pending'))`;
    await db.kysely.executeQuery(
      sql`UPDATE idempotency SET response = ${stored}, is_sealed = ${isSecret ? 1 : 0}
        WHERE workspace_id = ${workspaceId} AND key_hash = ${keyHash} AND ${stillSecret}`.compile(db.kysely),
    );
  };
  waitUntil(work().catch((error: unknown) => log("an answer was not stored for replays", error)));
}

const place = (keyHash: string) => ({ table: "idempotency", column: "response", id: keyHash });

export function sealResponse({ atRest }: Services, workspaceId: string, { keyHash }: IdempotencyKey, text: string) {
  return atRest(workspaceId).seal(utf8(text), place(keyHash));
}

export async function openResponse(
  { atRest }: Services,
  workspaceId: string,
  { keyHash }: IdempotencyKey,
  sealed: string,
) {
  return new TextDecoder().decode(await atRest(workspaceId).open(sealed, place(keyHash)));
}

/** JSON with sorted keys, so that the order of fields makes no difference. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    each !== null && typeof each === "object" && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}

async function sha256(text: string): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
}
