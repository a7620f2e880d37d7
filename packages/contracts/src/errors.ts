import { z } from "zod";
import { RequestId } from "./ids.ts";

/**
 * Every error that the API answers: the code on the wire, its HTTP status and its title.
 * The page `/problems/{code}` and the `type` of each problem are made of this table.
 */
export const errors = {
  "invalid-request": { status: 400, title: "The request is not valid" },
  "invalid-json": { status: 400, title: "The body is not JSON" },
  unauthenticated: { status: 401, title: "An API key is needed" },
  "service-token-invalid": { status: 401, title: "The service token is not valid" },
  "signature-invalid": { status: 401, title: "The webhook's signature is not valid" },
  "test-keys-not-supported": { status: 403, title: "Test keys cannot be used for this" },
  "address-not-allowed": { status: 403, title: "The API key may not be used from this address" },
  "policy-refuses": { status: 403, title: "The workspace's policy does not allow this" },
  "country-not-allowed": { status: 403, title: "The workspace does not send to this country" },
  "destination-blocked": { status: 403, title: "The destination is blocked" },
  "prefix-blocked": { status: 403, title: "Numbers with this prefix are blocked for now" },
  "insufficient-scope": { status: 403, title: "The API key lacks a scope" },
  "hook-ended": { status: 403, title: "The hook's API key was revoked, has expired or may no longer do this" },
  "link-invalid": { status: 403, title: "The link is not valid or has expired" },
  "not-found": { status: 404, title: "There is nothing at this address" },
  "session-not-found": { status: 404, title: "No such session" },
  "pool-not-found": { status: 404, title: "No such sender pool" },
  "message-not-found": { status: 404, title: "No such message" },
  "verification-not-found": { status: 404, title: "No such verification" },
  "template-not-found": { status: 404, title: "No such template" },
  "key-not-found": { status: 404, title: "No such API key" },
  "hook-not-found": { status: 404, title: "No such hook" },
  "alert-channel-not-found": { status: 404, title: "No such alert channel" },
  "access-rule-not-found": { status: 404, title: "No such rule" },
  "method-not-allowed": { status: 405, title: "This address does not take that method" },
  "not-acceptable": { status: 406, title: "None of the accepted media types can be served" },
  "no-eligible-session": { status: 409, title: "No session can send this" },
  "session-not-pairing": { status: 409, title: "The session is not waiting to be linked" },
  "session-limit-reached": { status: 409, title: "The workspace has as many sessions as it may have" },
  "pool-exists": { status: 409, title: "A sender pool with this name exists" },
  "pool-limit-reached": { status: 409, title: "The workspace has as many sender pools as it may have" },
  "pool-not-empty": { status: 409, title: "The sender pool is still needed" },
  "template-exists": { status: 409, title: "A template with this name or for this purpose exists" },
  "template-limit-reached": { status: 409, title: "The workspace has as many templates as it may have" },
  "key-limit-reached": { status: 409, title: "The workspace has as many API keys as it may have" },
  "hook-limit-reached": { status: 409, title: "The workspace has as many hooks as it may have" },
  "key-ended": { status: 409, title: "The API key was revoked or replaced, or has expired" },
  "last-manager-key": { status: 409, title: "The workspace needs one more API key that manages it" },
  "access-rule-exists": { status: 409, title: "A rule for this exists" },
  "alert-channel-limit-reached": { status: 409, title: "The workspace has as many alert channels as it may have" },
  "access-rule-limit-reached": { status: 409, title: "The workspace has as many rules as it may have" },
  "session-not-online": { status: 409, title: "The session is not online" },
  "idempotency-in-progress": { status: 409, title: "A request with this Idempotency-Key is still under way" },
  "session-ended": { status: 409, title: "The session has ended" },
  "verification-approved": { status: 410, title: "The verification was already approved" },
  "verification-canceled": { status: 410, title: "The verification was canceled" },
  "verification-expired": { status: 410, title: "The verification has expired" },
  "verification-blocked": { status: 410, title: "The verification was blocked" },
  "verification-undeliverable": { status: 410, title: "The code could not be delivered" },
  "max-attempts-reached": { status: 410, title: "No attempts are left" },
  "payload-too-large": { status: 413, title: "The body is too large" },
  "unsupported-media-type": { status: 415, title: "The body must be application/json" },
  "code-incorrect": { status: 422, title: "The code is not the right one" },
  "client-binding-mismatch": { status: 422, title: "The verification belongs to another client" },
  "whatsapp-refused": { status: 422, title: "WhatsApp refuses this" },
  "idempotency-key-reused": { status: 422, title: "This Idempotency-Key belongs to another request" },
  "destination-locked": { status: 429, title: "Too many failed checks for this destination" },
  "rate-limited": { status: 429, title: "Too many requests" },
  "lookups-exhausted": { status: 429, title: "The session may look up no more unknown numbers for now" },
  "whatsapp-rate-limited": { status: 429, title: "WhatsApp takes no more such requests of the account for now" },
  "destination-limited": { status: 429, title: "Too many codes for this destination" },
  "resend-cooldown": { status: 429, title: "It is too early to send the code again" },
  "sends-exhausted": { status: 429, title: "No sends are left for this verification" },
  "internal-error": { status: 500, title: "Something went wrong; nothing was accepted" },
  "connector-unavailable": { status: 503, title: "The connector does not answer" },
  "database-unavailable": { status: 503, title: "The database does not answer; nothing was accepted" },
} as const satisfies Record<string, { status: number; title: string }>;

/** The machine-readable name of an error. */
export type ErrorCode = keyof typeof errors;

/** What an error may carry beside its code; all of it is shown to the caller. */
export interface ErrorExtras {
  /** One sentence about this occurrence. */
  detail?: string;
  /** What is wrong with which field. */
  errors?: FieldError[];
  /** Seconds until another try makes sense; also sent as the header `Retry-After`. */
  retryAfter?: number;
  /** The limit that is used up; shown in the headers `RateLimit` and `RateLimit-Policy`. */
  limit?: { name: string; quota: number; windowSeconds: number };
  /** Checks left, with `code-incorrect`. */
  attemptsLeft?: number;
  /** The code with which WhatsApp refused. */
  whatsappCode?: number;
  cause?: unknown;
}

/** An error that has an answer in the table. Anything else that is thrown becomes `internal-error`. */
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
      description: "Where: a JSON pointer into the body (`/to`), or `query/…`, `path/…`, `header/…`.",
      example: "/to",
    }),
    message: z
      .string()
      .max(1024)
      .meta({ description: "What is wrong.", example: "must be a phone number in E.164 form" }),
  })
  .meta({ id: "FieldError" });
export type FieldError = z.infer<typeof FieldError>;

/** An answer names so many wrong fields at most. */
export const maxFieldErrors = 100;

const codes = Object.keys(errors) as [ErrorCode, ...ErrorCode[]];

/** RFC 9457 problem details, the body of every answer that is not a success. */
export const Problem = z
  .object({
    type: z.url().meta({ description: "A page that explains the error." }),
    title: z.string().max(128),
    status: z.int().min(400).max(599),
    detail: z.string().max(1024).optional(),
    code: z.enum(codes),
    requestId: RequestId,
    errors: z.array(FieldError).max(maxFieldErrors).optional(),
    retryAfter: z.int().min(0).max(31_536_000).optional().meta({ description: "Seconds." }),
    attemptsLeft: z.int().min(0).max(10).optional(),
    whatsappCode: z.int().min(0).max(999).optional().meta({ description: "The code with which WhatsApp refused." }),
  })
  .meta({ id: "Problem", description: "RFC 9457 problem details." });
export type Problem = z.infer<typeof Problem>;
