import { AppError, type ErrorCode, errors, type FieldError, type Problem, Problem as ProblemSchema } from "@sandi/contracts";
import type { Context } from "hono";
import type { z } from "zod";
import type { AppEnv } from "./env.ts";

/** Answers with RFC 9457 problem details. */
export function problem(c: Context<AppEnv>, error: AppError): Response {
  const { status, title } = errors[error.code];
  const { detail, errors: fields, retryAfter, attemptsLeft } = error.extras;
  const body: Problem = {
    type: `${c.var.services.publicUrl}/problems/${error.code}`,
    title,
    status,
    ...(detail === undefined ? {} : { detail }),
    code: error.code,
    requestId: c.var.requestId,
    ...(fields ? { errors: fields } : {}),
    ...(retryAfter === undefined ? {} : { retryAfter }),
    ...(attemptsLeft === undefined ? {} : { attemptsLeft }),
  };
  const headers: Record<string, string> = { "content-type": "application/problem+json" };
  if (retryAfter !== undefined) headers["retry-after"] = String(retryAfter);
  if (error.code === "unauthenticated") headers["www-authenticate"] = "Bearer";
  return c.body(JSON.stringify(body), status, headers);
}

/** Makes a problem of anything that was thrown. What is not ours is logged by its kind only: its words may hold SQL. */
export function toAppError(error: unknown, log: (line: string) => void): AppError {
  if (error instanceof AppError) return error;
  const code = libsqlCode(error);
  log(`unexpected ${error instanceof Error ? error.name : typeof error}${code ? ` ${code}` : ""}`);
  if (code !== undefined && !code.startsWith("SQLITE_CONSTRAINT")) return new AppError("database-unavailable", { cause: error, retryAfter: 1 });
  return new AppError("internal-error", { cause: error });
}

/** The code of a libSQL error, wherever it stands in the chain of causes; undefined for other errors. */
export function libsqlCode(error: unknown): string | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each.name === "LibsqlError" || each.name.startsWith("Hrana")) return String((each as { code?: unknown }).code ?? "UNKNOWN");
    if (each.name === "TimeoutError" || (each instanceof TypeError && /fetch|network/i.test(each.message))) return "UNREACHABLE";
  }
  return undefined;
}

/** Turns what zod found into one problem that names each field. */
export function invalidRequest(issues: readonly z.core.$ZodIssue[], where: string): AppError {
  const fields = issues.flatMap((issue): FieldError[] => {
    const pointer = where === "json" ? `/${issue.path.map(escape).join("/")}` : `${names[where] ?? where}/${issue.path.join("/")}`;
    if (issue.code !== "unrecognized_keys") return [{ pointer: pointer === "/" ? "" : pointer, message: issue.message }];
    const base = pointer === "/" ? "" : pointer;
    return issue.keys.slice(0, 20).map((key) => ({ pointer: `${base}/${escape(key.slice(0, 100))}`, message: "is not a known field" }));
  });
  return new AppError("invalid-request", { detail: fields.map(({ pointer, message }) => `${pointer || "the body"}: ${message}`).join("; ").slice(0, 500), errors: fields.slice(0, 50) });
}

const names: Record<string, string> = { param: "path", query: "query", header: "header" };
const escape = (key: PropertyKey) => String(key).replaceAll("~", "~0").replaceAll("/", "~1");

/** The problem answers of a route, for its OpenAPI description: one entry per status, with every code in words. */
export function problems(...codes: ErrorCode[]) {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of [...codes, ...always]) byStatus.set(errors[code].status, [...(byStatus.get(errors[code].status) ?? []), code]);
  return Object.fromEntries(
    [...byStatus].map(([status, each]) => [
      status,
      {
        description: each.map((code) => `\`${code}\`: ${errors[code].title}.`).join(" "),
        content: { "application/problem+json": { schema: ProblemSchema } },
      },
    ]),
  );
}

const always = ["unauthenticated", "insufficient-scope", "internal-error", "database-unavailable"] as const;
