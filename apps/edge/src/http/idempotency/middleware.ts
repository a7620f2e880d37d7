import { AppError } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context, Next } from "hono";
import { createMiddleware } from "hono/factory";
import type { AppEnv } from "../app-env.ts";
import { idempotencyTtlMs, openResponse, readIdempotencyKey, sealResponse } from "./create.ts";

/** Longer than any request lasts: one that never came back is taken for lost. */
const lostAfterMs = 60_000;

/** A longer refusal is not kept: it names many fields and changed nothing, so a repeated request gets the same answer. */
const mostKept = 8_192;

/** Refusals of the caller, or for the moment. They say nothing of the request: the same one may be granted soon. */
const passing: ReadonlySet<number> = new Set([401, 403, 429]);

interface Row {
  fingerprint: string;
  status: number | null;
  response: string | null;
  createdAt: number;
}

/**
 * `Idempotency-Key` for requests that create nothing: the first answer below 500 is kept, sealed, and given again. It is
 * little longer than the request's body, whose length is limited. Creates store the key in their own batch, so that
 * nothing can happen in between. Behind `authenticate` and the body.
 */
export const idempotent = createMiddleware<AppEnv>((c, next) =>
  answerOnce(c, next, { keptMs: idempotencyTtlMs, keepsAnswer: true }),
);

/** Long enough for a client that lost the answer, and shorter than the proof in it is valid. */
const checkAnswerMs = 120_000;

/** The same for checks, whose answers hold proofs. After two minutes a repeated check gets 410: the code is used up. */
export const idempotentCheck = createMiddleware<AppEnv>((c, next) =>
  answerOnce(c, next, { keptMs: checkAnswerMs, keepsAnswer: true }),
);

/**
 * The same for requests that answer a secret which works for minutes. The secret must not be in the database for a day:
 * only the key is kept, and a repeated request is handled again and gets a secret that works.
 */
export const idempotentSecret = createMiddleware<AppEnv>((c, next) =>
  answerOnce(c, next, { keptMs: idempotencyTtlMs, keepsAnswer: false }),
);

interface Kept {
  /** How long the key is kept. */
  keptMs: number;
  keepsAnswer: boolean;
}

async function answerOnce(c: Context<AppEnv>, next: Next, { keptMs, keepsAnswer }: Kept): Promise<Response | void> {
  const idempotencyKey = await readIdempotencyKey(c);
  if (!idempotencyKey) return next();
  const { db, now, waitUntil, log } = c.env.services;
  const { workspaceId } = c.var.ctx.actor;
  const { keyHash, fingerprint } = idempotencyKey;
  const at = now().getTime();
  const expiresAt = keptMs < idempotencyTtlMs ? at + keptMs : null;
  const own = sql`workspace_id = ${workspaceId} AND key_hash = ${keyHash}`;
  const [{ rows: taken }, { rows: known }] = await db.write([
    sql<Pick<Row, "fingerprint">>`INSERT INTO idempotency (workspace_id, key_hash, fingerprint, resource_id,
        created_at, expires_at)
      VALUES (${workspaceId}, ${keyHash}, ${fingerprint}, '', ${at}, ${expiresAt})
      ON CONFLICT DO UPDATE SET fingerprint = excluded.fingerprint, resource_id = '', status = NULL, response = NULL,
        created_at = ${at}, expires_at = excluded.expires_at
      WHERE created_at <= ${at - idempotencyTtlMs} OR expires_at <= ${at}
        OR (resource_id = '' AND status IS NULL AND fingerprint = excluded.fingerprint AND created_at <= ${at - lostAfterMs})
      RETURNING fingerprint`.compile(db.kysely),
    sql<Row>`SELECT fingerprint, status, response, created_at FROM idempotency WHERE ${own}`.compile(db.kysely),
  ]);
  if (taken.length === 0) {
    const [row] = known;
    if (row?.fingerprint !== fingerprint) throw new AppError("idempotency-key-reused");
    if (row.status === null) throw new AppError("idempotency-in-progress", { retryAfter: 1 });
    if (!keepsAnswer) return next();
    const type = row.status < 300 ? "application/json" : "application/problem+json";
    const text = await openResponse(c.env.services, workspaceId, idempotencyKey, row.response ?? "");
    const headers = { "idempotent-replayed": "true" };
    if (text === "") return new Response(null, { status: row.status, headers });
    return new Response(text, { status: row.status, headers: { ...headers, "content-type": type } });
  }
  await next();
  const { status } = c.res;
  const isFinal = status < 500 && !passing.has(status);
  const work = async () => {
    const text = isFinal && keepsAnswer ? await answer.text() : "";
    const isKept = isFinal && (status < 300 || text.length <= mostKept);
    // An answer may hold a proof, or whole numbers.
    const response = isKept ? await sealResponse(c.env.services, workspaceId, idempotencyKey, text) : "";
    await db.kysely.executeQuery(
      (isKept
        ? sql`UPDATE idempotency SET status = ${status}, response = ${response}, is_sealed = 1
            WHERE ${own} AND created_at = ${at}`
        : sql`DELETE FROM idempotency WHERE ${own} AND created_at = ${at} AND status IS NULL`
      ).compile(db.kysely),
    );
  };
  const answer = c.res.clone();
  waitUntil(work().catch((error: unknown) => log("an answer was not kept for replays", error)));
  return undefined;
}
