import { AppError, type ErrorCode, type ErrorExtras, errors, type Problem } from "@sandi/contracts";
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { isConstraint, isUnreachable } from "../db/failures.ts";
import type { AppEnv } from "./app-env.ts";

/** The one place where an error becomes an answer (RFC 9457). What is not in the table says nothing about itself. */
export function onError(error: Error, c: Context<AppEnv>): Response {
  if (error instanceof AppError) return problem(c, error.code, error.extras);
  const { services } = c.env;
  if (isUnreachable(error)) {
    services.log(`${c.var.requestId} the database does not answer`, error);
    return problem(c, "database-unavailable", { retryAfter: 1 });
  }
  if (error instanceof HTTPException && error.status < 500) return problem(c, "invalid-request");
  services.log(`${c.var.requestId} failed${isConstraint(error) ? " on a constraint" : ""}`, error);
  return problem(c, "internal-error");
}

export function problem(c: Context<AppEnv>, code: ErrorCode, extras: ErrorExtras = {}): Response {
  const { status, title } = errors[code];
  const { detail, errors: fields, retryAfter, attemptsLeft } = extras;
  const body: Problem = {
    type: `${c.env.services.publicUrl}/problems/${code}`,
    title,
    status,
    ...(detail === undefined ? {} : { detail }),
    code,
    requestId: c.var.requestId,
    ...(fields === undefined ? {} : { errors: fields }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
    ...(attemptsLeft === undefined ? {} : { attemptsLeft }),
  };
  const headers: Record<string, string> = { "content-type": "application/problem+json" };
  if (retryAfter !== undefined) headers["retry-after"] = String(retryAfter);
  if (code === "unauthenticated" || code === "service-token-invalid") headers["www-authenticate"] = "Bearer";
  return c.body(JSON.stringify(body), status, headers);
}
