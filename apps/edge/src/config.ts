import { createKeyRing, createSealer, createTokenSigner, createTokenVerifier, type KeyRing, type Sealer, webRandom } from "@sandi/crypto";
import { z } from "zod";

const httpUrl = z
  .string()
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), "must be an http or https URL")
  .transform((text) => text.replace(/\/+$/, ""));

const keyRing = z.string().transform((text, context) => {
  try {
    return createKeyRing(text);
  } catch {
    context.addIssue({ code: "custom", message: "must read kid:base64url of 32 bytes, comma between several" });
    return z.NEVER;
  }
});

const Environment = z.object({
  PUBLIC_URL: httpUrl,
  CONNECTOR_URL: httpUrl,
  LIBSQL_URL: z.string().regex(/^(libsql|https?|wss?):\/\//, "must be a libsql://, https:// or http:// URL"),
  LIBSQL_AUTH_TOKEN: z.string().optional(),
  UPSTASH_REDIS_REST_URL: httpUrl,
  UPSTASH_REDIS_REST_TOKEN: z.string().min(1),
  QSTASH_URL: httpUrl.default("https://qstash.upstash.io"),
  QSTASH_TOKEN: z.string().min(1),
  OTP_PEPPERS: keyRing,
  PHONE_PEPPER: keyRing,
  LINK_KEYS: keyRing,
  EDGE_TOKEN_PRIVATE_KEY: z.string().min(1),
  CONNECTOR_TOKEN_PUBLIC_KEY: z.string().min(1),
  CONNECTOR_SEAL_PUBLIC_KEY: z.string().min(1),
});

/** The Worker's bindings, parsed once per isolate. */
export interface Config {
  publicUrl: string;
  connectorUrl: string;
  libsql: { url: string; authToken: string | undefined };
  redis: { url: string; token: string };
  qstash: { url: string; token: string };
  peppers: KeyRing;
  phonePepper: KeyRing;
  linkKeys: KeyRing;
  seal: Sealer;
  signForConnector: ReturnType<typeof createTokenSigner>;
  verifyFromConnector: ReturnType<typeof createTokenVerifier>;
}

/** The Worker's binding for static files. */
export interface Assets {
  fetch(request: Request): Promise<Response>;
}

const parsed = new WeakMap<object, Config>();

/** Reads the bindings; throws an `Error` that names each wrong one and never its value. */
export function readConfig(env: object): Config {
  let config = parsed.get(env);
  if (!config) parsed.set(env, (config = parse(env)));
  return config;
}

function parse(environment: object): Config {
  const result = Environment.safeParse(environment);
  if (!result.success) {
    const wrong = result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw new Error(`the Worker's bindings are not right: ${wrong.join("; ")}`);
  }
  const env = result.data;
  const now = () => new Date();
  return {
    publicUrl: env.PUBLIC_URL,
    connectorUrl: env.CONNECTOR_URL,
    libsql: { url: env.LIBSQL_URL, authToken: env.LIBSQL_AUTH_TOKEN },
    redis: { url: env.UPSTASH_REDIS_REST_URL, token: env.UPSTASH_REDIS_REST_TOKEN },
    qstash: { url: env.QSTASH_URL, token: env.QSTASH_TOKEN },
    peppers: env.OTP_PEPPERS,
    phonePepper: env.PHONE_PEPPER,
    linkKeys: env.LINK_KEYS,
    seal: named("CONNECTOR_SEAL_PUBLIC_KEY", () => createSealer(env.CONNECTOR_SEAL_PUBLIC_KEY)),
    signForConnector: named("EDGE_TOKEN_PRIVATE_KEY", () =>
      createTokenSigner({
        privateJwk: env.EDGE_TOKEN_PRIVATE_KEY,
        issuer: "sandi-edge",
        audience: "sandi-connector",
        now,
        random: webRandom,
      }),
    ),
    verifyFromConnector: named("CONNECTOR_TOKEN_PUBLIC_KEY", () =>
      createTokenVerifier({
        publicJwk: env.CONNECTOR_TOKEN_PUBLIC_KEY,
        issuer: "sandi-connector",
        audience: "sandi-edge",
        now,
      }),
    ),
  };
}

function named<T>(name: string, make: () => T): T {
  try {
    return make();
  } catch {
    throw new Error(`the Worker's bindings are not right: ${name}: must be the JSON text of a JWK`);
  }
}
