import { type ErrorCode, errors, isRetryable, Problem } from "@sandi/contracts";
import { type RouteConfig, z } from "@hono/zod-openapi";
import type { Access, Chapter, Declaration, Idempotency, Schema } from "./declaration.ts";

/** The OpenAPI description of an operation, from its declaration. */
export function describe(
  declared: Declaration<Schema, Schema, Schema, never>,
  access: Access,
  { tag, notFound }: Chapter,
): RouteConfig {
  const { id, method, path, summary, params, query, body, upload, answers, orAnswers, throws = [] } = declared;
  const { idempotency, scopes, scheme } = access;
  const security = scopes ? [{ apiKey: [] }] : scheme === undefined ? [] : [{ [scheme]: [] }];
  const isGuarded = security.length > 0;
  const codes: ErrorCode[] = [
    ...(method === "get" ? [] : ofBodies),
    ...(query ? (["invalid-request"] as const) : []),
    ...ofIdempotency[idempotency],
    ...(params ? [notFound] : []),
    ...throws,
    ...(isGuarded ? ofKeys : []),
    "internal-error",
  ];
  const prefers = declared.headers !== undefined && "prefer" in declared.headers.shape;
  const { status, description, content, headers = [], others = {} } = answers;
  const headersOf = (each: number) =>
    refs([...headerNames(each, { isGuarded, idempotency, prefers }), ...(each < 400 ? headers : [])]);
  const answer = { description, ...(content ? { content } : {}) };
  const alike = Object.entries(others).map(([each, means]) => [
    each,
    each === "304" ? { description: means } : { ...answer, description: means },
  ]);
  const or = orAnswers && {
    description: orAnswers.description,
    ...(orAnswers.content && { content: orAnswers.content }),
  };
  const all: Record<string, object> = {
    [status]: answer,
    ...(orAnswers ? { [orAnswers.status]: or as object } : {}),
    ...(Object.fromEntries(alike) as Record<string, object>),
    ...problems(codes),
  };
  const responses = Object.entries(all).map(([each, response]) => [
    each,
    { ...response, headers: headersOf(Number(each)) },
  ]);
  return {
    tags: [tag],
    security,
    method,
    path,
    operationId: id,
    summary,
    description: scopes
      ? `${declared.description} Scope: ${scopes.map((each) => `\`${each}\``).join(" or ")}.`
      : declared.description,
    request: {
      ...(params ? { params } : {}),
      ...(query ? { query } : {}),
      ...headersOfRequest(declared.headers, idempotency),
      ...(body
        ? { body: { required: true, content: { "application/json": { schema: body.schema, example: body.example } } } }
        : {}),
      ...(upload ? { body: { required: true, content: upload } } : {}),
    },
    responses: Object.fromEntries(responses),
  } as unknown as RouteConfig;
}

function headerNames(
  status: number,
  { isGuarded, idempotency, prefers }: { isGuarded: boolean; idempotency: Idempotency; prefers: boolean },
): string[] {
  const names = ["X-Request-Id"];
  if (isGuarded) names.push("RateLimit", "RateLimit-Policy");
  if (status === 401) names.push("WWW-Authenticate");
  if (status === 416) names.push("Content-Range");
  if ([403, 409, 429, 503, 504].includes(status)) names.push("Retry-After");
  if (idempotency === "create" && [201, 202].includes(status)) names.push("Location");
  if (prefers && status === 202) names.push("Preference-Applied");
  if (idempotency !== "none" && status < 500) names.push("Idempotent-Replayed");
  return names;
}

const refs = (names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

/** Errors of every operation with a key or a token. */
const ofKeys: ErrorCode[] = [
  "unauthenticated",
  "test-keys-not-supported",
  "insufficient-scope",
  "address-not-allowed",
  "rate-limited",
  "database-unavailable",
];
/** Errors of every operation that reads a body, also to check that there is none. */
const ofBodies: ErrorCode[] = ["invalid-json", "invalid-request", "payload-too-large", "unsupported-media-type"];
const ofRepeats: ErrorCode[] = ["idempotency-key-reused", "idempotency-in-progress"];
const ofIdempotency: Record<Idempotency, ErrorCode[]> = {
  create: ["idempotency-key-reused"],
  change: ofRepeats,
  check: ofRepeats,
  secret: ofRepeats,
  rotation: ofRepeats,
  none: [],
};

/** Problems as responses, one per status. */
function problems(codes: readonly ErrorCode[]): Record<string, object> {
  const byStatus = Map.groupBy(new Set(codes), (code) => errors[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, sameStatus]) => [
      status,
      {
        description: sameStatus.map((code) => `\`${code}\`: ${errors[code].title}.`).join(" "),
        content: {
          "application/problem+json": {
            schema: Problem,
            examples: Object.fromEntries(sameStatus.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
          },
        },
      },
    ]),
  );
}

/** An example of each problem, by its code. */
export const problemExamples = Object.fromEntries(
  Object.entries(errors).map(([code, { status, title }]) => [
    code,
    {
      summary: title,
      value: {
        type: `https://api.example.com/problems/${code}`,
        title,
        status,
        code,
        retryable: isRetryable(code as ErrorCode),
        requestId: "req_01jd3k9v7hq2w8x5n4b6m0c1ta",
        ...(status === 429 ? { retryAfter: 30 } : {}),
      },
    },
  ]),
);

function headersOfRequest(own: z.ZodObject | undefined, idempotency: Idempotency): { headers?: z.ZodObject } {
  const ofIdempotencyKey = idempotency === "none" ? {} : idempotencyHeader.shape;
  const shape = { ...ofIdempotencyKey, ...own?.shape };
  return Object.keys(shape).length === 0 ? {} : { headers: z.object(shape) };
}

const idempotencyHeader = z.object({
  // Only a description: `readIdempotencyKey` checks the value. No example, because the API reference would send it.
  "idempotency-key": z.string().optional().meta({
    description:
      "1 to 255 printable ASCII characters of your choice. The same key with the same request within 24 hours (a check: two minutes) changes nothing more. It gets the first answer again, with `Idempotent-Replayed: true`. The same key with another request is refused.",
    minLength: 1,
    maxLength: 255,
    pattern: "^[ -~]+$",
  }),
});
