import type { ErrorCode, Scope } from "@sandi/contracts";
import type { MiddlewareHandler } from "hono";
import type { z } from "zod";
import type { Answer } from "./answers.ts";
import type { AppEnv } from "./app-env.ts";

export type Schema = z.ZodType;

/** The parts of a request: its path's parameters, its query and its body. */
export interface Input<P extends Schema, Q extends Schema, B extends Schema> {
  params: z.output<P>;
  query: z.output<Q>;
  body: z.output<B>;
}

/** What every operation declares; `Result` is what its handler returns. */
export interface Declaration<P extends Schema, Q extends Schema, B extends Schema, Result> {
  id: string;
  method: "get" | "post" | "put" | "patch" | "delete";
  path: string;
  summary: string;
  description: string;
  params?: P;
  /** The answers to ids of the wrong form, by parameter, where they name something of another feature. */
  notFoundOf?: Record<string, ErrorCode>;
  query?: Q;
  body?: RequestBody<B>;
  /** Instead of `body`: JSON schemas by media type, for a body that the handler reads as a stream. */
  upload?: Record<string, { schema: object }>;
  answers: Answer<Result>;
  /** Another answer of success, which the handler makes itself. */
  orAnswers?: Answer<never>;
  /** Request headers that it reads. */
  headers?: z.ZodObject;
  /** Errors in addition to those of all such operations. */
  throws?: readonly ErrorCode[];
}

/** A JSON body. The API reference sends the example, so it must work unchanged. */
interface RequestBody<B extends Schema> {
  schema: B;
  example: z.input<B>;
  /** Bytes; 64 KiB if left out. */
  limit?: number;
}

/** The properties that all operations of a feature share. */
export interface Chapter {
  tag: string;
  /** The error for an unknown id and for an id of the wrong form. */
  notFound: ErrorCode;
}

/**
 * What an `Idempotency-Key` does. "create": the handler stores it with the new resource. "change": the answer is stored
 * for a day, "check": for two minutes. "secret": the key is stored, the answer is not. "rotation": the answer is stored
 * without its `secret`. "none": nothing.
 */
export type Idempotency = "create" | "change" | "check" | "secret" | "rotation" | "none";

/** Who may call an operation, and what an `Idempotency-Key` does. */
export interface Access {
  /** Of API keys; left out if the operation is not for them. */
  scopes?: readonly Scope[];
  /** The security scheme of an operation that is not for API keys. */
  scheme?: string | undefined;
  idempotency: Idempotency;
  guards: readonly MiddlewareHandler<AppEnv>[];
}
