import { AppError, type ErrorCode, type FieldError, maxFieldErrors } from "@sandi/contracts";
import type { Context } from "hono";
import { z } from "zod";
import type { AppEnv } from "./app-env.ts";
import type { Declaration, Schema } from "./declaration.ts";

type Declared = Pick<Declaration<Schema, Schema, Schema, never>, "params" | "notFoundOf" | "query" | "body">;

/**
 * The parts of a request that an operation declares, validated.
 * @param notFound the error for an id of the wrong form
 * @throws `invalid-request`, which names each wrong field with the reason
 */
export async function partsOf(c: Context<AppEnv>, declared: Declared, notFound: ErrorCode) {
  const query = declared.query && parseBody(declared.query, queryOf(c), "query");
  const params = declared.params && parseParams(declared, c.req.param(), notFound);
  const body = declared.body && parseBody(declared.body.schema, await c.req.json<unknown>());
  return { params, query, body } as Record<"params" | "query" | "body", Record<string, unknown> | undefined>;
}

/** A parameter that occurs once is a text, otherwise a list. */
const queryOf = (c: Context<AppEnv>) =>
  Object.fromEntries(
    Object.entries(c.req.queries()).map(([name, values]) => [name, values.length === 1 ? values[0] : values]),
  );

function parseParams({ params, notFoundOf = {} }: Declared, given: unknown, notFound: ErrorCode): unknown {
  const result = params?.safeParse(given);
  if (!result || result.success) return result?.data;
  const [parameter] = result.error.issues[0]?.path ?? [];
  throw new AppError(notFoundOf[String(parameter)] ?? notFound);
}

interface Issue {
  readonly code?: string | undefined;
  readonly path: PropertyKey[];
  readonly message: string;
  readonly input?: unknown;
  readonly keys?: string[];
}

/** The wrong fields, each with its reason in plain words. */
export function fieldErrors(issues: readonly Issue[], prefix: string): FieldError[] {
  const found = issues.flatMap((issue) => {
    const { code, path, keys, message } = issue;
    if (code === "unrecognized_keys") {
      return (keys ?? []).map((key) => ({
        pointer: pointerTo(prefix, [...path, key]),
        message: "is not a known field",
      }));
    }
    return [{ pointer: pointerTo(prefix, path), message }];
  });
  return found.slice(0, maxFieldErrors);
}

/** Validates a body; `prefix` begins the pointers to its wrong fields. */
export function parseBody<Body extends z.ZodType>(schema: Body, body: unknown, prefix = ""): z.output<Body> {
  const result = schema.safeParse(body);
  if (!result.success) throw new AppError("invalid-request", { errors: fieldErrors(result.error.issues, prefix) });
  return result.data;
}

/** A JSON pointer to this place, cut to the maximum length. */
export const pointerTo = (prefix: string, path: PropertyKey[]) =>
  (prefix + path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("")).slice(0, 1024);

/** The messages of all issues whose schema has no message of its own. They apply to every parse of the edge. */
z.config({
  customError: (issue) => {
    if (issue.input === undefined) return "is required";
    switch (issue.code) {
      case "invalid_type":
        return issue.expected === "int"
          ? "must be a whole number"
          : `must be ${article(names[issue.expected] ?? issue.expected)}, not ${article(typeOf(issue.input))}`;
      case "invalid_value":
        return oneOf(issue.values);
      case "too_small":
        if (issue.minimum === 1 && issue.origin !== "number" && issue.origin !== "int") return "must not be empty";
        return `must be ${issue.exact ? "" : "at least "}${amount(issue.minimum, issue.origin)}`;
      case "too_big":
        return `must be ${issue.exact ? "" : "at most "}${amount(issue.maximum, issue.origin)}`;
      case "invalid_union": {
        const { discriminator = "", options, input } = issue;
        if (!Array.isArray(options)) return "is not valid";
        return (input as Record<string, unknown>)[discriminator] === undefined ? "is required" : oneOf(options);
      }
      case "invalid_key":
        return `is a name that cannot be used: it ${issue.issues[0]?.message ?? "is not valid"}`;
      default:
        return "is not valid";
    }
  },
});

const oneOf = (values: readonly unknown[]) =>
  `must be ${values.length === 1 ? "" : "one of "}${values.map((each) => JSON.stringify(each)).join(", ")}`;

const units: Record<string, string> = { string: " characters", array: " entries" };
const names: Record<string, string> = { record: "object" };

const amount = (limit: number | bigint, origin: string) => `${limit}${units[origin] ?? ""}`;

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (value === Infinity || value === -Infinity) return "infinite number";
  return Array.isArray(value) ? "array" : typeof value;
}

const article = (type: string) => (type === "null" ? type : `${/^[aeiou]/.test(type) ? "an" : "a"} ${type}`);
