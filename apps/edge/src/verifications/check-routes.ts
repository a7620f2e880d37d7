import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { ApprovedVerification, CheckByNumber, CheckVerification, Jwks, VerificationId } from "@sandi/contracts";
import type { AppEnv } from "../http/app-env.ts";
import { authenticateUnmetered } from "../http/auth.ts";
import { jsonBody } from "../http/body.ts";
import { idempotentCheck, ofRepeats } from "../http/idempotent.ts";
import {
  body,
  idempotencyHeader as headers,
  json,
  ofBodies,
  problems,
  problemsWithoutKey,
  security,
} from "../http/openapi.ts";
import { takeLimits } from "../limits/limits.ts";
import { checkByNumber, checkVerification, ended } from "./check-verification.ts";
import { checkLimits } from "./limits.ts";

const params = z.object({ id: VerificationId });
const shared = { tags: ["Verifications"], security };
const ofChecks = [
  "verification-not-found",
  ...ended,
  "code-incorrect",
  "client-binding-mismatch",
  "destination-locked",
  ...ofRepeats,
] as const;

const rulesOfChecks =
  "Answers 200 only when the code is right, and only once: an app that looks at nothing but the status is safe. A wrong code is a 422 with `attemptsLeft`; when none are left, and for everything that has ended, 410. Capitals, spaces, hyphens and the script of digits do not matter. Too many wrong codes for one number, over all its verifications, lock it: 429. With an `Idempotency-Key` the answer is given again for two minutes, and afterwards, as without one, a code that was right is a 410.";

/** Longer than a proof lives, and short enough that a new key is known before the old one is gone. */
const cacheSeconds = 600;

export const checks = new OpenAPIHono<AppEnv>()
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/verifications/check",
      operationId: "checkByNumber",
      summary: "Check a code by number",
      description: `Checks the pending verification of a number and purpose, for apps that do not keep its id. ${rulesOfChecks} Scope: \`otp:check\`.`,
      middleware: [authenticateUnmetered("otp:check"), jsonBody(), idempotentCheck] as const,
      request: { headers, body: body(CheckByNumber, { to: "+6281234567890", purpose: "login", code: "123456" }) },
      responses: {
        200: json(ApprovedVerification, "The code was right; the verification is approved."),
        ...problems(...ofBodies, ...ofChecks),
      },
    }),
    async (c) => {
      const input = c.req.valid("json");
      await takeLimits(c, await checkLimits(c.var.ctx, input.endUserIp));
      return c.json(await checkByNumber(c.var.ctx, input), 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/verifications/{id}/check",
      operationId: "checkVerification",
      summary: "Check a code",
      description: `${rulesOfChecks} Scope: \`otp:check\`.`,
      middleware: [authenticateUnmetered("otp:check"), jsonBody(), idempotentCheck] as const,
      request: { params, headers, body: body(CheckVerification, { code: "123456" }) },
      responses: {
        200: json(ApprovedVerification, "The code was right; the verification is approved."),
        ...problems(...ofBodies, ...ofChecks),
      },
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      const input = { id, body: c.req.valid("json") };
      await takeLimits(c, await checkLimits(c.var.ctx, input.body.endUserIp));
      return c.json(await checkVerification(c.var.ctx, input), 200);
    },
  )
  .openapi(
    createRoute({
      tags: ["Verifications"],
      security: [],
      method: "get",
      path: "/.well-known/jwks.json",
      operationId: "getProofKeys",
      summary: "The keys that sign proofs",
      description:
        "To verify `proof` with any JWT library: `EdDSA` only, issuer this API, audience your workspace's id.",
      responses: { 200: json(Jwks, "RFC 7517."), ...problemsWithoutKey("internal-error") },
    }),
    (c) => {
      c.header("Cache-Control", `public, max-age=${cacheSeconds}`);
      return c.json(Jwks.parse(c.env.services.proofs.jwks), 200);
    },
  );
