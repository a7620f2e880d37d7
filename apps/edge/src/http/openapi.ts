import { type ErrorCode, errors, Problem } from "@sandi/contracts";
import { z } from "@hono/zod-openapi";

export const security = [{ apiKey: [] }];

/** A JSON body of this shape. */
export const json = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  description,
  content: { "application/json": { schema } },
});

/** A JSON body that is asked for; the example is what the reference fills in, so it has to work as it is. */
export const body = <Schema extends z.ZodType>(schema: Schema, example: z.input<Schema>) => ({
  required: true,
  content: { "application/json": { schema, example } },
});

/** Every route that wants a key answers these. */
const everywhere: ErrorCode[] = [
  "unauthenticated",
  "test-keys-not-supported",
  "insufficient-scope",
  "address-not-allowed",
  "rate-limited",
  "internal-error",
  "database-unavailable",
];
/** And every one with a body these. */
export const ofBodies = ["invalid-json", "invalid-request", "payload-too-large", "unsupported-media-type"] as const;

/** The problems of a route for its documentation, one response per status. */
export const problems = (...codes: ErrorCode[]) => problemsWithoutKey(...codes, ...everywhere);

/** The same for a route that wants no key. */
export function problemsWithoutKey(...codes: ErrorCode[]) {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set(codes)) {
    const { status } = errors[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
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

/** Each problem as it is sent, by its code. */
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
        requestId: "req_01jd3k9v7hq2w8x5n4b6m0c1ta",
        ...(status === 429 ? { retryAfter: 30 } : {}),
      },
    },
  ]),
);

export const idempotencyHeader = z.object({
  // Described only: what reads it says in its own words what is wrong. No example, or the reference would send it.
  "idempotency-key": z.string().optional().meta({
    description:
      "1 to 255 printable ASCII characters of your choice. The same key with the same request within 24 hours (of a check, two minutes) changes nothing more and answers the first answer again, with `Idempotent-Replayed: true`; with another request it is refused.",
    minLength: 1,
    maxLength: 255,
    pattern: "^[ -~]+$",
  }),
});
