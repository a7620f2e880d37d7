import { z } from "zod";
import { ApprovedVerification, CheckByNumber, CheckVerification, Jwks, VerificationId } from "@sandi/contracts";
import { ok } from "../http/answers.ts";
import { openOperation, operation, type Operation } from "../http/operation.ts";
import { checkByNumber, checkVerification, ended } from "./check-verification.ts";
import { checkLimits } from "./limits.ts";

const byId = z.object({ id: VerificationId });
const ofChecks = [
  "verification-not-found",
  ...ended,
  "code-incorrect",
  "client-binding-mismatch",
  "destination-locked",
] as const;

const rulesOfChecks =
  "Answers 200 only when the code is right, and only once: an app that looks at nothing but the status is safe. A wrong code is a 422 with `attemptsLeft`; when none are left, and for everything that has ended, 410. Capitals, spaces, hyphens and the script of digits do not matter. Too many wrong codes for one number, over all its verifications, lock it: 429. With an `Idempotency-Key` the answer is given again for two minutes, and afterwards, as without one, a code that was right is a 410.";

/** Longer than a proof lives, and short enough that a new key is known before the old one is gone. */
const cacheSeconds = 600;

export const checkOperations: readonly Operation[] = [
  operation({
    id: "checkByNumber",
    method: "post",
    path: "/v1/verifications/check",
    scope: "otp:check",
    idempotent: "check",
    summary: "Check a code by number",
    description: `Checks the pending verification of a number and purpose, for apps that do not keep its id. ${rulesOfChecks}`,
    body: { schema: CheckByNumber, example: { to: "+6281234567890", purpose: "login", code: "123456" } },
    answers: ok(ApprovedVerification, "The code was right; the verification is approved."),
    throws: [...ofChecks],
    inputLimits: (ctx, { body }) => checkLimits(ctx, body.endUserIp),
    handle: (ctx, { body }) => checkByNumber(ctx, body),
  }),
  operation({
    id: "checkVerification",
    method: "post",
    path: "/v1/verifications/{id}/check",
    scope: "otp:check",
    idempotent: "check",
    summary: "Check a code",
    description: rulesOfChecks,
    params: byId,
    body: { schema: CheckVerification, example: { code: "123456" } },
    answers: ok(ApprovedVerification, "The code was right; the verification is approved."),
    throws: [...ofChecks],
    inputLimits: (ctx, { body }) => checkLimits(ctx, body.endUserIp),
    handle: (ctx, { params, body }) => checkVerification(ctx, { id: params.id, body }),
  }),
  openOperation({
    id: "getProofKeys",
    method: "get",
    path: "/.well-known/jwks.json",
    summary: "The keys that sign proofs",
    description: "To verify `proof` with any JWT library: `EdDSA` only, issuer this API, audience your workspace's id.",
    answers: ok(Jwks, "RFC 7517."),
    handle: ({ proofs }, _, c) => {
      c.header("Cache-Control", `public, max-age=${cacheSeconds}`);
      return Jwks.parse(proofs.jwks);
    },
  }),
];
