import { createKeyRing, flawOf, isQuoted } from "@sandi/crypto";
import { parseOtlpHeaders } from "@sandi/tracing";
import { z } from "zod";
import { isLoopback } from "./http/targets.ts";

/** A text without this fault. The error names the fault and never shows the text. */
const textWithout = (flaw: (text: string) => string | undefined) =>
  z.string().superRefine((text, ctx) => {
    const message = flaw(text);
    if (message !== undefined) ctx.addIssue({ code: "custom", message });
  });
const secret = textWithout((text) => flawOf(text)).min(1);
// Spaces around a key are allowed.
const key = textWithout((text) => (isQuoted(text) ? "has quotes around it" : undefined));

const url = secret.pipe(z.url({ protocol: /^https?$/ })).transform((text) => text.replace(/\/+$/, ""));

const keyRing = key.transform((text, ctx) => {
  try {
    return createKeyRing(text);
  } catch (error) {
    ctx.addIssue({ code: "custom", message: error instanceof Error ? error.message : "not a key ring" });
    return z.NEVER;
  }
});

const jwk = (curve: string) =>
  key.refine((text) => {
    try {
      return (JSON.parse(text) as { crv?: unknown }).crv === curve;
    } catch {
      return false;
    }
  }, `must be the JSON text of a ${curve} JWK`);

const Environment = z
  .object({
    PUBLIC_URL: url,
    CONNECTOR_URL: url,
    LIBSQL_URL: secret.regex(/^(libsql|https?):\/\//, "must be a libsql:, https: or http: URL"),
    LIBSQL_AUTH_TOKEN: secret.optional(),
    UPSTASH_REDIS_REST_URL: url,
    UPSTASH_REDIS_REST_TOKEN: secret,
    QSTASH_URL: url.default("https://qstash.upstash.io"),
    QSTASH_TOKEN: secret,
    QSTASH_CURRENT_SIGNING_KEY: secret,
    QSTASH_NEXT_SIGNING_KEY: secret,
    TELEGRAM_API_URL: url.default("https://api.telegram.org"),
    /** Allows alerts to addresses of this machine, for development and tests. */
    ALLOW_LOCAL_TARGETS: z.literal("1").optional(),
    OTP_PEPPERS: keyRing,
    PHONE_PEPPER: keyRing,
    LINK_KEYS: keyRing,
    AT_REST_KEYS: keyRing,
    PROOF_PRIVATE_KEY: jwk("Ed25519"),
    /** A JSON array of the public JWKs of earlier proof keys. */
    PROOF_RETIRED_KEYS: z.string().startsWith("[").optional(),
    EDGE_TOKEN_PRIVATE_KEY: jwk("Ed25519"),
    CONNECTOR_TOKEN_PUBLIC_KEY: jwk("Ed25519"),
    CONNECTOR_SEAL_PUBLIC_KEY: jwk("P-256"),
    /** Codes for one number in a day, over all workspaces. */
    DESTINATION_PER_DAY: z.coerce.number().int().min(1).default(30),
    /** The operator creates the first workspace over the API with it. It works once. */
    BOOTSTRAP_TOKEN: secret.min(32, "must be 32 characters or more").optional(),
    /** A round has up to 500 jobs and six subrequests. The default fits the free plan's 50 subrequests. */
    CRON_ROUNDS: z.coerce.number().int().min(1).max(100).default(5),
    /** Which requests are logged; `errors` are answers with a status of 500 or higher. */
    LOG_REQUESTS: z.enum(["off", "errors", "all"]).default("errors"),
    /** The collector of spans, without the path `/v1/traces`. Without it no spans are recorded. */
    OTEL_EXPORTER_OTLP_ENDPOINT: url.optional(),
    OTEL_EXPORTER_OTLP_HEADERS: textWithout((text) => flawOf(text, { isOneWord: false }))
      .optional()
      .transform((text, ctx) => {
        try {
          return parseOtlpHeaders(text ?? "");
        } catch {
          ctx.addIssue({ code: "custom", message: "must read name=value[,name=value]" });
          return z.NEVER;
        }
      }),
    OTEL_SERVICE_NAME: z.string().min(1).max(100).default("sandi-edge"),
    /** The share of new traces that is recorded. */
    OTEL_TRACES_SAMPLER_ARG: z.coerce.number().min(0).max(1).default(1),
  })
  .refine(({ ALLOW_LOCAL_TARGETS, PUBLIC_URL }) => ALLOW_LOCAL_TARGETS === undefined || isLoopback(PUBLIC_URL), {
    path: ["ALLOW_LOCAL_TARGETS"],
    message: "is for an edge on loopback only",
  });

/** The Worker's bindings, checked. */
export type Config = z.output<typeof Environment>;

/** Throws one `Error` that names every wrong variable and never its value. */
export function parseConfig(env: unknown): Config {
  const result = Environment.safeParse(env);
  if (result.success) return result.data;
  const wrong = result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new Error(`the configuration is not complete: ${wrong.join("; ")}`);
}
