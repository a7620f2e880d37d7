import type { Context } from "hono";
import { z } from "zod";
import { SimulatorError, type SimulatorErrorCode, simulatorErrors } from "../errors.ts";

/** One wrong input. */
interface FieldError {
  field: string;
  message: string;
}

/** An RFC 9457 answer. */
export function problem(c: Context, code: SimulatorErrorCode, detail?: string, errors?: FieldError[]): Response {
  const { status, title } = simulatorErrors[code];
  const body = {
    type: "about:blank",
    title,
    status,
    code,
    ...(detail && { detail }),
    ...(errors?.length && { errors }),
  };
  return c.body(JSON.stringify(body), status, { "content-type": "application/problem+json" });
}

/** The problem of an error. A failure of the simulator itself shows no details. */
export function problemOf(c: Context, error: unknown): Response {
  if (error instanceof SimulatorError) {
    const { code, message, field } = error;
    return problem(c, code, message, field === undefined ? [] : [{ field, message }]);
  }
  if (error instanceof z.ZodError) {
    const errors = error.issues.flatMap(fieldErrors);
    return problem(c, "invalid_request", errors.map(({ field, message }) => `${field}: ${message}`).join("; "), errors);
  }
  process.stderr.write(`whatsapp: ${c.req.method} ${c.req.path} failed: ${String(error)}\n`);
  return problem(c, "internal");
}

function fieldErrors(issue: z.core.$ZodIssue): FieldError[] {
  const at = issue.path.join(".");
  if (issue.code !== "unrecognized_keys") return [{ field: at || "body", message: issue.message }];
  return issue.keys.map((key) => ({ field: at ? `${at}.${key}` : key, message: "is not known here" }));
}
