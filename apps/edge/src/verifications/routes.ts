import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { CheckVerification, CreateVerification, Verification, VerificationId } from "@sandi/contracts";
import { AppError } from "@sandi/contracts";
import type { AppEnv } from "../http/app-env.ts";
import { authenticate } from "../http/auth.ts";
import { jsonBody, noBody } from "../http/body.ts";
import { repetitionOf } from "../http/idempotency.ts";
import { body, idempotencyHeader, json, ofBodies, problems, security } from "../http/openapi.ts";
import { cancelVerification } from "./cancel-verification.ts";
import { checkVerification } from "./check-verification.ts";
import { createVerification } from "./create-verification.ts";
import { toVerification } from "./present.ts";
import { findVerification } from "./repository.ts";

const params = z.object({ id: VerificationId });
const shared = { tags: ["Verifications"], security };

export const verifications = new OpenAPIHono<AppEnv>()
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/verifications",
      operationId: "createVerification",
      summary: "Send a code",
      description:
        "Sends a six-digit code to a WhatsApp number. While a verification of the same number and purpose is pending, another create sends the same code again (`created: false`), at the earliest at `resendAfter`. Scope: `otp:send`.",
      middleware: [authenticate("otp:send"), jsonBody()] as const,
      request: {
        headers: idempotencyHeader,
        body: body(CreateVerification, { to: "+6281234567890", purpose: "login" }),
      },
      responses: {
        202: json(Verification, "Stored, and on its way."),
        ...problems(
          ...ofBodies,
          "session-not-found",
          "session-ended",
          "no-eligible-session",
          "idempotency-key-reused",
          "resend-cooldown",
          "sends-exhausted",
        ),
      },
    }),
    async (c) => {
      const repetition = await repetitionOf(c);
      const input = { key: c.var.key, body: c.req.valid("json"), repetition };
      const { resource, replayed } = await createVerification(c.env.services, input);
      if (replayed) c.header("Idempotent-Replayed", "true");
      c.header("Location", `/v1/verifications/${resource.id}`);
      return c.json(resource, 202);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "get",
      path: "/v1/verifications/{id}",
      operationId: "getVerification",
      summary: "Look at a verification",
      description:
        "Its state and where its latest message stands. Never the code. That a number has no WhatsApp account is told to keys with `lookup:read`; to others such a verification is pending until it expires. Scope: `otp:send` or `otp:check`.",
      middleware: [authenticate("otp:send", "otp:check")] as const,
      request: { params },
      responses: { 200: json(Verification, "As it is now."), ...problems("verification-not-found") },
    }),
    async (c) => {
      const { db, now } = c.env.services;
      const { workspaceId, scopes } = c.var.key;
      const row = await findVerification(db, workspaceId, c.req.valid("param").id);
      if (!row) throw new AppError("verification-not-found");
      return c.json(toVerification(row, { now: now().getTime(), scopes }), 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/verifications/{id}/check",
      operationId: "checkVerification",
      summary: "Check a code",
      description:
        "Answers 200 only when the code is right, and only once: an app that looks at nothing but the status is safe. A wrong code is a 422 with `attemptsLeft`; after five, and for everything that has ended, 410. Scope: `otp:check`.",
      middleware: [authenticate("otp:check"), jsonBody()] as const,
      request: { params, body: body(CheckVerification, { code: "123456" }) },
      responses: {
        200: json(Verification, "The code was right; the verification is approved."),
        ...problems(
          ...ofBodies,
          "verification-not-found",
          "verification-approved",
          "verification-canceled",
          "verification-expired",
          "verification-undeliverable",
          "max-attempts-reached",
          "code-incorrect",
          "destination-locked",
        ),
      },
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      const { code } = c.req.valid("json");
      const input = { key: c.var.key, id, code, checkId: c.var.requestId };
      return c.json(await checkVerification(c.env.services, input), 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/verifications/{id}/cancel",
      operationId: "cancelVerification",
      summary: "Cancel a verification",
      description:
        "Ends a pending verification; a code not yet sent is not sent any more. Canceling a canceled one answers 200 as well. Scope: `otp:send`.",
      middleware: [authenticate("otp:send"), noBody] as const,
      request: { params },
      responses: {
        200: json(Verification, "Canceled."),
        ...problems(
          ...ofBodies,
          "verification-not-found",
          "verification-approved",
          "verification-expired",
          "verification-undeliverable",
          "max-attempts-reached",
        ),
      },
    }),
    async (c) => {
      const input = { key: c.var.key, id: c.req.valid("param").id };
      return c.json(await cancelVerification(c.env.services, input), 200);
    },
  );
