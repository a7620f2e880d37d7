import { AppError } from "@sandi/contracts";
import { base64url } from "@sandi/crypto";
import { sql } from "kysely";
import type { Context } from "hono";
import type { Db } from "../db/schema.ts";
import type { AppEnv } from "./app-env.ts";

/** What a request says about being a repetition. */
export interface Repetition {
  keyHash: string;
  fingerprint: string;
}

/** A stored answer to an earlier request with the same key. */
export interface Earlier {
  fingerprint: string;
  resourceId: string;
  response: string | null;
}

export const idempotencyTtlMs = 24 * 3600_000;

/** Reads `Idempotency-Key`; behind `jsonBody`. */
export async function repetitionOf(c: Context<AppEnv>): Promise<Repetition | undefined> {
  const key = c.req.header("idempotency-key");
  if (key === undefined) return undefined;
  if (!/^[\x20-\x7e]{1,255}$/.test(key)) {
    throw new AppError("invalid-request", {
      errors: [{ pointer: "header/Idempotency-Key", message: "must be 1 to 255 printable ASCII characters" }],
    });
  }
  const body = canonical(await c.req.json<unknown>());
  return { keyHash: await sha256(key), fingerprint: await sha256(`${c.req.method} ${c.req.path}\n${body}`) };
}

/** Reads the earlier answer inside the batch that may create one. */
export function selectEarlier(db: Db, workspaceId: string, repetition: Repetition | undefined, since: number) {
  return sql<Earlier>`SELECT fingerprint, resource_id, response FROM idempotency
    WHERE workspace_id = ${workspaceId} AND key_hash = ${repetition?.keyHash ?? ""} AND created_at > ${since}`.compile(
    db.kysely,
  );
}

/** True in SQL when this key has not been answered yet. */
export function notRepeated(workspaceId: string, repetition: Repetition | undefined, since: number) {
  if (!repetition) return sql<boolean>`1`;
  return sql<boolean>`NOT EXISTS (SELECT 1 FROM idempotency WHERE workspace_id = ${workspaceId}
    AND key_hash = ${repetition.keyHash} AND created_at > ${since})`;
}

/** Checks that a found answer is to this very request. */
export function sameRequest(earlier: Earlier, repetition: Repetition | undefined): Earlier {
  if (earlier.fingerprint !== repetition?.fingerprint) throw new AppError("idempotency-key-reused");
  return earlier;
}

/** Keeps the answer for replays; a resource without one is rendered anew. */
export async function rememberResponse(db: Db, workspaceId: string, repetition: Repetition, response: unknown) {
  await db.kysely
    .updateTable("idempotency")
    .set({ response: JSON.stringify(response) })
    .where("workspaceId", "=", workspaceId)
    .where("keyHash", "=", repetition.keyHash)
    .execute();
}

/** JSON with sorted keys: the same request however its fields were ordered. */
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
