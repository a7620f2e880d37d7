import { z } from "zod";
import { ApprovedVerification, CheckByNumber, CheckVerification, Jwks, VerificationId } from "@sandi/contracts";
import { ok } from "../http/answers.ts";
import { openOperation, operation, type Operation } from "../http/operation.ts";
import { checkByNumber, ended, prepareCheck } from "./check-verification.ts";
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
  "Answers 200 only for the right code, and only once, so an app may rely on the status alone. A wrong code is a 422 with `attemptsLeft`. If no attempts are left, or the verification has ended, the answer is 410. Upper and lower case, spaces, hyphens and the script of digits make no difference. Too many wrong codes for one number, in all its verifications, lock the number: 429. With an `Idempotency-Key` a repetition gets the same answer for two minutes. After that, and without a key, a repetition of the right code is a 410.";

/** Longer than a proof is valid, and short enough that clients have a new key before the old one ends. */
const cacheSeconds = 600;

export const checkOperations: readonly Operation[] = [
  operation({
    id: "checkByNumber",
    method: "post",
    path: "/v1/verifications/check",
    scope: "otp:check",
    idempotent: "check",
    summary: "Check a code by number",
    description: `Checks the pending verification of a number and purpose, for apps that do not store its id. ${rulesOfChecks}`,
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
    prepare: (ctx, { params, body }) => prepareCheck(ctx, { id: params.id, body }),
  }),
  openOperation({
    id: "getProofKeys",
    method: "get",
    path: "/.well-known/jwks.json",
    summary: "Get the keys of proofs",
    description:
      "Verify `proof` with any JWT library: the algorithm is `EdDSA` only, the issuer is this API, the audience is your workspace's id.",
    answers: ok(Jwks, "A JWK set (RFC 7517)."),
    handle: ({ proofs }, _, c) => {
      c.header("Cache-Control", `public, max-age=${cacheSeconds}`);
      return Jwks.parse(proofs.jwks);
    },
  }),
];
