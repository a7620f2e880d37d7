import { AppError, type Problem } from "@sandi/contracts";
import { type RawBuilder, sql } from "kysely";
import type { Context, Next } from "hono";
import { createMiddleware } from "hono/factory";
import type { AppEnv } from "../app-env.ts";
import { isUnreachable } from "../../db/failures.ts";
import { tryAgain } from "../../try-again.ts";
import { idempotencyTtlMs, openResponse, readIdempotencyKey, sealResponse } from "./create.ts";

/** Longer than any request lasts. After this time a request without an answer counts as lost. */
const lostAfterMs = 60_000;

/** A longer refusal is not stored. It changed nothing, so a repetition gets the same answer anyway. */
const longestRefusal = 8_192;

/** Temporary refusals, or refusals of the caller: the same request may succeed soon, so they are not stored. */
const temporary: ReadonlySet<number> = new Set([401, 403, 429]);

interface Row {
  fingerprint: string;
  status: number | null;
  response: string | null;
  createdAt: number;
}

/**
 * `Idempotency-Key` for requests that create nothing: the first answer below 500 is stored, sealed, and replayed. Its
 * length is limited, because it is little longer than the request's body. Creates store the key in their own batch, so
 * that key and resource are one write. Runs after `authenticate` and the body.
 */
export const idempotent = createMiddleware<AppEnv>((c, next) =>
  answerOnce(c, next, { storedMs: idempotencyTtlMs, storesAnswer: true }),
);

/** Long enough for a client that lost the answer, and shorter than the life of the proof in it. */
const checkAnswerMs = 120_000;

/** The same for checks, whose answers hold proofs. After two minutes a repeated check gets 410, because the code is used. */
export const idempotentCheck = createMiddleware<AppEnv>((c, next) =>
  answerOnce(c, next, { storedMs: checkAnswerMs, storesAnswer: true }),
);

/**
 * The same for requests whose answer holds a secret that works for minutes. The secret must not be in the database for a
 * day, so only the key is stored. A repeated request runs again and gets a secret that works.
 */
export const idempotentSecret = createMiddleware<AppEnv>((c, next) =>
  answerOnce(c, next, { storedMs: idempotencyTtlMs, storesAnswer: false }),
);

/**
 * The same for requests that make a lasting secret. A repetition must not make another one, so the answer is stored,
 * without the secret.
 */
export const idempotentRotation = createMiddleware<AppEnv>((c, next) =>
  answerOnce(c, next, { storedMs: idempotencyTtlMs, storesAnswer: true, stored: withoutSecret }),
);

const withoutSecret = (text: string) => JSON.stringify({ ...(JSON.parse(text) as object), secret: null });

interface Retention {
  /** How long the key is stored. */
  storedMs: number;
  storesAnswer: boolean;
  /** What is stored of a success. If left out: all of it. */
  stored?: (text: string) => string;
}

const mayPass = (problem: string) => (JSON.parse(problem) as Problem).retryable;

async function answerOnce(
  c: Context<AppEnv>,
  next: Next,
  { storedMs, storesAnswer, stored = (text) => text }: Retention,
): Promise<Response | void> {
  const idempotencyKey = await readIdempotencyKey(c);
  if (!idempotencyKey) return next();
  const { services } = c.env;
  const { db, now, waitUntil, log } = services;
  const { workspaceId } = c.get("ctx").actor;
  const { keyHash, fingerprint } = idempotencyKey;
  const at = now().getTime();
  const expiresAt = storedMs < idempotencyTtlMs ? at + storedMs : null;
  const own = sql`workspace_id = ${workspaceId} AND key_hash = ${keyHash}`;
  const free = sql`DELETE FROM idempotency
    WHERE ${own} AND created_at = ${at} AND resource_id = '' AND status IS NULL`;
  /** Repetitions are refused as in progress until this has succeeded. */
  const settle = (statement: () => Promise<RawBuilder<unknown>>) => {
    const work = async () => {
      const query = (await statement()).compile(db.kysely);
      await tryAgain(services, async () => {
        await db.kysely.executeQuery(query);
      });
    };
    waitUntil(work().catch((error: unknown) => log("an answer was not stored for replays", error)));
  };
  const taking = db.write([
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
  const [{ rows: taken }, { rows: known }] = await taking.catch((error: unknown) => {
    // The key may be stored although the database's answer was lost.
    if (isUnreachable(error)) settle(() => Promise.resolve(free));
    throw error;
  });
  if (taken.length === 0) {
    const [row] = known;
    if (row?.fingerprint !== fingerprint) throw new AppError("idempotency-key-reused");
    if (row.status === null) throw new AppError("idempotency-in-progress", { retryAfter: 1 });
    if (!storesAnswer) return next();
    const type = row.status < 300 ? "application/json" : "application/problem+json";
    const text = await openResponse(services, workspaceId, idempotencyKey, row.response ?? "");
    const headers = { "idempotent-replayed": "true" };
    if (text === "") return new Response(null, { status: row.status, headers });
    return new Response(text, { status: row.status, headers: { ...headers, "content-type": type } });
  }
  await next();
  const { status } = c.res;
  // A refusal that says when to try again, or that it may pass, is temporary, too.
  const isFinal = status < 500 && !temporary.has(status) && !c.res.headers.has("retry-after");
  const answer = c.res.clone();
  settle(async () => {
    const text = isFinal ? await answer.text() : "";
    if (!isFinal || (status >= 400 && mayPass(text)) || (status >= 300 && text.length > longestRefusal)) return free;
    const kept = status < 300 ? stored(text) : text;
    // Sealed, because an answer may hold a proof or full phone numbers.
    const response = await sealResponse(services, workspaceId, idempotencyKey, storesAnswer ? kept : "");
    return sql`UPDATE idempotency SET status = ${status}, response = ${response}, is_sealed = 1
      WHERE ${own} AND created_at = ${at}`;
  });
  return undefined;
}
