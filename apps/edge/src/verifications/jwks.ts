import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import { Jwks } from "@sandi/contracts";
import type { AppEnv } from "../http/app-env.ts";
import { json, problemsWithoutKey } from "../http/openapi.ts";

/** Longer than a proof lives, and short enough that a new key is known before the old one is gone. */
const cacheSeconds = 600;

export const jwks = new OpenAPIHono<AppEnv>().openapi(
  createRoute({
    tags: ["Verifications"],
    security: [],
    method: "get",
    path: "/.well-known/jwks.json",
    operationId: "getProofKeys",
    summary: "The keys that sign proofs",
    description: "To verify `proof` with any JWT library: `EdDSA` only, issuer this API, audience your workspace's id.",
    responses: { 200: json(Jwks, "RFC 7517."), ...problemsWithoutKey("internal-error") },
  }),
  (c) => {
    c.header("Cache-Control", `public, max-age=${cacheSeconds}`);
    return c.json(Jwks.parse(c.env.services.proofs.jwks), 200);
  },
);
