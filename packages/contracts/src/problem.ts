import { z } from "zod";
import { type ErrorCode, errors } from "./errors.ts";
import { RequestId } from "./ids.ts";

/** What an error may have beside its code. The caller sees all of it but the cause. */
export interface ErrorExtras {
  /** One sentence about this occurrence. */
  detail?: string;
  /** What is wrong with which field. */
  errors?: FieldError[];
  /** Seconds until a retry can succeed; also sent as the header `Retry-After`. */
  retryAfter?: number;
  /** The limit that is used up; shown in the headers `RateLimit` and `RateLimit-Policy`. */
  limit?: { name: string; quota: number; windowSeconds: number };
  /** Checks left, with `code-incorrect`. */
  attemptsLeft?: number;
  /** The code with which WhatsApp refused. */
  whatsappCode?: number;
  /** The size of the file, with `range-not-satisfiable`; shown in the header `Content-Range`. */
  sizeBytes?: number;
  cause?: unknown;
}

/** An error of the table. Any other error becomes `internal-error`. */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;
  readonly extras: ErrorExtras;

  constructor(code: ErrorCode, extras: ErrorExtras = {}) {
    super(extras.detail ?? errors[code].title, { cause: extras.cause });
    this.code = code;
    this.extras = extras;
  }
}

export const FieldError = z
  .object({
    pointer: z.string().max(1024).meta({
      description: "The field: a JSON pointer into the body (`/to`), or `query/…`, `path/…`, `header/…`.",
      example: "/to",
    }),
    message: z
      .string()
      .max(1024)
      .meta({ description: "What is wrong.", example: "must be a phone number in E.164 form" }),
  })
  .meta({ id: "FieldError" });
export type FieldError = z.infer<typeof FieldError>;

/** An answer names at most this many wrong fields. */
export const maxFieldErrors = 100;

const codes = Object.keys(errors) as [ErrorCode, ...ErrorCode[]];
/** The schema of an error's code. */
export const ErrorName = z.enum(codes);

/** RFC 9457 problem details, the body of every answer that is not a success. */
export const Problem = z
  .object({
    type: z.url().meta({ description: "A page that explains the error." }),
    title: z.string().max(128),
    status: z.int().min(400).max(599),
    detail: z.string().max(1024).optional(),
    code: ErrorName,
    requestId: RequestId,
    errors: z.array(FieldError).max(maxFieldErrors).optional(),
    retryAfter: z.int().min(0).max(31_536_000).optional().meta({ description: "Seconds." }),
    attemptsLeft: z.int().min(0).max(10).optional(),
    retryable: z.boolean().meta({
      description:
        "True: waiting can be enough. The same request, with the same `Idempotency-Key`, may succeed later: after `retryAfter`, if it is there. False: change something first.",
    }),
    whatsappCode: z.int().min(0).max(999).optional().meta({ description: "The code with which WhatsApp refused." }),
  })
  .meta({ id: "Problem", description: "RFC 9457 problem details." });
export type Problem = z.infer<typeof Problem>;
