import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import {
  AppError,
  ApproveVerification,
  CreateVerification,
  CreateVerifications,
  ListVerifications,
  SearchVerifications,
  Timeline,
  Verification,
  VerificationId,
  VerificationList,
  VerificationResults,
} from "@sandi/contracts";
import type { AppEnv } from "../http/app-env.ts";
import { authenticate, authenticateUnmetered } from "../http/auth.ts";
import { jsonBody, noBody } from "../http/body.ts";
import { repetitionOf } from "../http/idempotency.ts";
import { idempotent, ofRepeats } from "../http/idempotent.ts";
import { body, idempotencyHeader, json, ofBodies, problems, security } from "../http/openapi.ts";
import { takeLimits } from "../limits/limits.ts";
import { pollLimit } from "../limits/named.ts";
import { ended } from "./check-verification.ts";
import { createBatch } from "./create-batch.ts";
import { createVerification } from "./create-verifications.ts";
import { approveVerification, cancelVerification } from "./end-verification.ts";
import { sendLimits } from "./limits.ts";
import { listVerifications } from "./list-verifications.ts";
import { presentVerification } from "./present.ts";
import { findVerification } from "./repository.ts";
import { resendVerification } from "./resend-verification.ts";
import { tenantOf } from "../keys/tenant.ts";
import { timelineOf } from "./timeline.ts";

const params = z.object({ id: VerificationId });
const shared = { tags: ["Verifications"], security };
const headers = idempotencyHeader;

const ofSends = [
  "destination-locked",
  "destination-limited",
  "resend-cooldown",
  "sends-exhausted",
  "prefix-blocked",
] as const;
const ofCreates = [
  "session-not-found",
  "pool-not-found",
  "session-ended",
  "no-eligible-session",
  "template-not-found",
  "policy-refuses",
  "country-not-allowed",
  "destination-blocked",
  "idempotency-key-reused",
  ...ofSends,
] as const;
/** Platforms log addresses: no number may be in one. */
const numberInAddress = new AppError("invalid-request", {
  errors: [{ pointer: "query/to", message: "belongs into the body of `POST /v1/verifications/search`" }],
});

export const verifications = new OpenAPIHono<AppEnv>()
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/verifications",
      operationId: "createVerification",
      summary: "Send a code",
      description:
        "Sends a code to a WhatsApp number, or with `mode: inbound` answers a link with which the user writes to us. While a verification of the same number and purpose is pending, another create sends the same code again (`created: false`), at the earliest at `resendAfter`; one with another `bind`, `clientBinding`, mode, `inboundVariant` or code of your own takes its place. Scope: `otp:send`.",
      middleware: [authenticateUnmetered("otp:send"), jsonBody()] as const,
      request: { headers, body: body(CreateVerification, { to: "+6281234567890", purpose: "login" }) },
      responses: { 202: json(Verification, "Stored, and on its way."), ...problems(...ofBodies, ...ofCreates) },
    }),
    async (c) => {
      const input = { body: c.req.valid("json"), repetition: await repetitionOf(c) };
      await takeLimits(c, await sendLimits(c.var.ctx, [input.body]));
      const { resource, replayed } = await createVerification(c.var.ctx, input);
      if (replayed) c.header("Idempotent-Replayed", "true");
      c.header("Location", `/v1/verifications/${resource.id}`);
      return c.json(resource, 202);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/verifications/batch",
      operationId: "createVerifications",
      summary: "Send up to 500 codes",
      description:
        "Each with a result of its own, in the order of the request: what stands against one says nothing of the others. With an `Idempotency-Key` each item is created once, however often the batch is sent. Scope: `otp:send`.",
      middleware: [authenticateUnmetered("otp:send"), jsonBody(512 * 1024)] as const,
      request: {
        headers,
        body: body(CreateVerifications, { verifications: [{ to: "+6281234567890" }, { to: "+6281234567891" }] }),
      },
      responses: { 200: json(VerificationResults, "One result per item."), ...problems(...ofBodies) },
    }),
    async (c) => {
      const { verifications: bodies } = c.req.valid("json");
      await takeLimits(c, await sendLimits(c.var.ctx, bodies));
      const { results, replayed } = await createBatch(c, bodies);
      if (replayed) c.header("Idempotent-Replayed", "true");
      return c.json({ results }, 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "get",
      path: "/v1/verifications",
      operationId: "listVerifications",
      summary: "List verifications",
      description:
        "Newest first. A test key sees the rehearsals, a live key the rest. Those of one number: `POST /v1/verifications/search`. Scope: `otp:send` or `otp:check`.",
      middleware: [authenticate("otp:send", "otp:check")] as const,
      request: { query: ListVerifications },
      responses: { 200: json(VerificationList, "A page."), ...problems("invalid-request") },
    }),
    async (c) => {
      if (c.req.query("to") !== undefined) throw numberInAddress;
      const { test, ...query } = c.req.valid("query");
      const filters = { ...query, ...(test === undefined ? {} : { test: test === "true" }) };
      return c.json(await listVerifications(c.var.ctx, filters), 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/verifications/search",
      operationId: "searchVerifications",
      summary: "Find verifications",
      description:
        "The list, with the filters in the body, so that a number is in no address. Scope: `otp:send` or `otp:check`.",
      middleware: [authenticate("otp:send", "otp:check"), jsonBody()] as const,
      request: { body: body(SearchVerifications, { to: "+6281234567890" }) },
      responses: { 200: json(VerificationList, "A page."), ...problems(...ofBodies) },
    }),
    async (c) => c.json(await listVerifications(c.var.ctx, c.req.valid("json")), 200),
  )
  .openapi(
    createRoute({
      ...shared,
      method: "get",
      path: "/v1/verifications/{id}",
      operationId: "getVerification",
      summary: "Look at a verification",
      description:
        "Its state and where its latest message stands. Never the code. Only keys with `lookup:read` see that a number has no WhatsApp account: the verification is `undeliverable` for good, and another create makes a new one. For other keys it is as for a phone that is off: the message is `sent`, and the verification is pending until it expires. Scope: `otp:send` or `otp:check`.",
      middleware: [authenticateUnmetered("otp:send", "otp:check")] as const,
      request: { params },
      responses: { 200: json(Verification, "As it is now."), ...problems("verification-not-found") },
    }),
    async (c) => {
      const { services, actor } = c.var.ctx;
      const { id } = c.req.valid("param");
      await takeLimits(c, [pollLimit(actor, id)]);
      const now = services.now().getTime();
      const row = await findVerification(services.db, tenantOf(actor), id, now);
      if (!row) throw new AppError("verification-not-found");
      return c.json(await presentVerification(services, row, { now, scopes: actor.scopes }), 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "get",
      path: "/v1/verifications/{id}/events",
      operationId: "getTimeline",
      summary: "What has happened to it",
      description:
        "Creates, sends, receipts, wrong codes and the end, with their times, oldest first. Scope: `otp:send` or `otp:check`.",
      middleware: [authenticate("otp:send", "otp:check")] as const,
      request: { params },
      responses: { 200: json(Timeline, "At most 500 events."), ...problems("verification-not-found") },
    }),
    async (c) => c.json(await timelineOf(c.var.ctx, c.req.valid("param").id), 200),
  )
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/verifications/{id}/resend",
      operationId: "resendVerification",
      summary: "Send the code again",
      description:
        "The same code, under the same cooldown and limits as another create, for apps that do not keep the number. Scope: `otp:send`.",
      middleware: [authenticateUnmetered("otp:send"), noBody, idempotent] as const,
      request: { params, headers },
      responses: {
        202: json(Verification, "Stored, and on its way."),
        ...problems(...ofBodies, "verification-not-found", "destination-blocked", ...ended, ...ofSends, ...ofRepeats),
      },
    }),
    async (c) => {
      await takeLimits(c, await sendLimits(c.var.ctx, [{}]));
      return c.json(await resendVerification(c.var.ctx, c.req.valid("param").id), 202);
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
        "Ends a pending verification: its code is forgotten at once, what is not sent yet is not sent any more, and what was sent and not read is deleted from the chat. Canceling a canceled one answers 200 as well. Scope: `otp:send`.",
      middleware: [authenticate("otp:send"), noBody, idempotent] as const,
      request: { params, headers },
      responses: {
        200: json(Verification, "Canceled."),
        ...problems(...ofBodies, "verification-not-found", ...ended, ...ofRepeats),
      },
    }),
    async (c) => {
      return c.json(await cancelVerification(c.var.ctx, c.req.valid("param").id), 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/verifications/{id}/approve",
      operationId: "approveVerification",
      summary: "Approve without a code",
      description:
        "For a user whom you recognized in another way. Your word replaces only the code: a verification with a `bind` or a `clientBinding` is approved only if you name the same `bind` and the `clientVerifier`, as for a check. The reason is kept in the audit log; there is no proof. Approving again answers 200 as well, but not what a code has approved. Scope: `otp:approve`.",
      middleware: [authenticate("otp:approve"), jsonBody(), idempotent] as const,
      request: { params, headers, body: body(ApproveVerification, { reason: "checked by phone call" }) },
      responses: {
        200: json(Verification, "Approved."),
        ...problems(...ofBodies, "verification-not-found", "client-binding-mismatch", ...ended, ...ofRepeats),
      },
    }),
    async (c) => {
      const input = { id: c.req.valid("param").id, body: c.req.valid("json") };
      return c.json(await approveVerification(c.var.ctx, input), 200);
    },
  );
