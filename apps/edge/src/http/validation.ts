import { AppError, type ErrorCode, type FieldError } from "@sandi/contracts";
import type { Hook } from "@hono/zod-openapi";
import type { AppEnv } from "./app-env.ts";

/** A request that does not fit its schema: each wrong field with its place and a plain reason. */
export const onInvalid: Hook<unknown, AppEnv, string, unknown> = (result, c) => {
  if (result.success) return undefined;
  if (result.target === "param") throw new AppError(notFoundAt(c.req.path));
  const prefix = result.target === "json" ? "" : result.target;
  throw new AppError("invalid-request", { errors: fieldErrors(result.error.issues, prefix) });
};

/** An id of the wrong form is the id of nothing. */
function notFoundAt(path: string): ErrorCode {
  if (path.startsWith("/v1/verifications/")) return "verification-not-found";
  if (path.startsWith("/v1/messages/")) return "message-not-found";
  if (path.startsWith("/v1/sessions/")) return "session-not-found";
  return "not-found";
}

interface Issue {
  readonly code?: string | undefined;
  readonly path: PropertyKey[];
  readonly message: string;
  readonly input?: unknown;
  readonly keys?: string[];
}

/** What is wrong with which field, in plain words. */
export function fieldErrors(issues: readonly Issue[], prefix: string): FieldError[] {
  return issues.flatMap((issue) => {
    const { code, path, keys, message } = issue;
    if (code === "unrecognized_keys") {
      return (keys ?? []).map((key) => ({
        pointer: pointerTo(prefix, [...path, key]),
        message: "is not a known field",
      }));
    }
    return [{ pointer: pointerTo(prefix, path), message: plain(message) }];
  });
}

/** A JSON pointer to this place. */
export const pointerTo = (prefix: string, path: PropertyKey[]) =>
  prefix + path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

/** Zod's sentences, without its preamble. */
function plain(message: string): string {
  const match = /^Invalid input: expected (.+), received (.+)$/.exec(message);
  if (!match) return message;
  return match[2] === "undefined"
    ? "is required"
    : `must be ${article(match[1] ?? "")}, not ${article(match[2] ?? "")}`;
}

function article(type: string): string {
  if (type === "null" || type === "NaN") return type;
  return `${/^[aeiou]/.test(type) ? "an" : "a"} ${type}`;
}
