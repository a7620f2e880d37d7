import { AppError, type ErrorCode, type ErrorExtras, errors, isRetryable, type Problem } from "@sandi/contracts";
import type { Context as HonoContext } from "hono";
import { HTTPException } from "hono/http-exception";
import type { Context } from "../context.ts";
import { isConstraint, isFull, isUnreachable } from "../db/failures.ts";
import { show } from "./rate-limits.ts";
import type { AppEnv } from "./app-env.ts";

/** Makes the answer to an error (RFC 9457). The answer to an error outside of the table has no details. */
export function onError(error: Error, c: HonoContext<AppEnv>): Response {
  const { code, extras } = known(error, requestOf(c));
  const { limit, retryAfter = 0 } = extras;
  if (limit) show(c, { limit, remaining: 0, reset: retryAfter });
  return problem(c, code, extras);
}

/** The problem of an error, for an item of a batch. */
export function problemOf(request: Request, error: Error): Problem {
  const { code, extras } = known(error, request);
  return toProblem(request, code, extras);
}

/** The parts of a request that a problem needs. */
type Request = Pick<Context, "services" | "requestId">;

const requestOf = (c: HonoContext<AppEnv>): Request => ({ services: c.env.services, requestId: c.get("requestId") });

function known(error: Error, { services, requestId }: Request): { code: ErrorCode; extras: ErrorExtras } {
  if (error instanceof AppError) return error;
  if (isUnreachable(error)) {
    services.log(`${requestId} the database does not answer`, error);
    return { code: "database-unavailable", extras: { retryAfter: 1 } };
  }
  if (isFull(error)) {
    services.log(`${requestId} the database is full`, error);
    return { code: "database-unavailable", extras: { detail: "The database is full.", retryAfter: 30 } };
  }
  if (error instanceof HTTPException && error.status < 500) return { code: "invalid-request", extras: {} };
  services.log(`${requestId} failed${isConstraint(error) ? " on a constraint" : ""}`, error);
  return { code: "internal-error", extras: {} };
}

export function problem(c: HonoContext<AppEnv>, code: ErrorCode, extras: ErrorExtras = {}): Response {
  const body = toProblem(requestOf(c), code, extras);
  const headers: Record<string, string> = { "content-type": "application/problem+json" };
  if (body.retryAfter !== undefined) headers["retry-after"] = String(body.retryAfter);
  if (extras.sizeBytes !== undefined) headers["content-range"] = `bytes */${extras.sizeBytes}`;
  if (code === "unauthenticated" || code === "service-token-invalid") headers["www-authenticate"] = "Bearer";
  return c.body(JSON.stringify(body), errors[code].status, headers);
}

function toProblem({ services, requestId }: Request, code: ErrorCode, extras: ErrorExtras): Problem {
  const { status, title } = errors[code];
  const { detail, errors: fields, retryAfter, attemptsLeft, whatsappCode } = extras;
  return {
    type: `${services.publicUrl}/problems/${code}`,
    title,
    status,
    ...(detail === undefined ? {} : { detail }),
    code,
    retryable: isRetryable(code),
    requestId,
    ...(fields === undefined ? {} : { errors: fields }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
    ...(attemptsLeft === undefined ? {} : { attemptsLeft }),
    ...(whatsappCode === undefined ? {} : { whatsappCode }),
  };
}
