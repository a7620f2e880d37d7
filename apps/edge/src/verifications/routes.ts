import { z } from "zod";
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
import { accepted, ok, page } from "../http/answers.ts";
import { operation, type Operation } from "../http/operation.ts";
import { pollLimit } from "../rate-limits/named.ts";
import { ended } from "./check-verification.ts";
import { createBatch } from "./create-batch.ts";
import { createVerification } from "./create-verifications.ts";
import { approveVerification, cancelVerification } from "./end-verification.ts";
import { sendLimits } from "./limits.ts";
import { listVerifications } from "./list-verifications.ts";
import { presentVerification } from "./present.ts";
import { findVerification } from "./repository.ts";
import { resendVerification } from "./resend-verification.ts";
import { tenantOf } from "../auth/tenant.ts";
import { timelineOf } from "./timeline.ts";

const byId = z.object({ id: VerificationId });

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
  ...ofSends,
] as const;
/** Platforms log addresses: no number may be in one. */
const numberInAddress = new AppError("invalid-request", {
  errors: [{ pointer: "query/to", message: "belongs into the body of `POST /v1/verifications/search`" }],
});

export const verificationOperations: readonly Operation[] = [
  operation({
    id: "createVerification",
    method: "post",
    path: "/v1/verifications",
    scope: "otp:send",
    idempotent: "create",
    summary: "Send a code",
    description:
      "Sends a code to a WhatsApp number, or with `mode: inbound` answers a link with which the user writes to us. While a verification of the same number and purpose is pending, another create sends the same code again (`created: false`), at the earliest at `resendAfter`; one with another `bind`, `clientBinding`, mode, `inboundVariant` or code of your own takes its place.",
    body: { schema: CreateVerification, example: { to: "+6281234567890", purpose: "login" } },
    answers: accepted(Verification, "Stored, and on its way."),
    throws: ofCreates,
    inputLimits: (ctx, { body }) => sendLimits(ctx, [body]),
    handle: (ctx, { body, idempotencyKey }) => createVerification(ctx, { body, idempotencyKey }),
  }),
  operation({
    id: "createVerifications",
    method: "post",
    path: "/v1/verifications/batch",
    scope: "otp:send",
    idempotent: "create",
    summary: "Send up to 500 codes",
    description:
      "Each with a result of its own, in the order of the request: what stands against one says nothing of the others. With an `Idempotency-Key` each item is created once, however often the batch is sent.",
    body: {
      schema: CreateVerifications,
      example: { verifications: [{ to: "+6281234567890" }, { to: "+6281234567891" }] },
      limit: 512 * 1024,
    },
    answers: ok(VerificationResults, "One result per item."),
    inputLimits: (ctx, { body }) => sendLimits(ctx, body.verifications),
    handle: (ctx, { body, idempotencyKey }) => createBatch(ctx, { bodies: body.verifications, idempotencyKey }),
  }),
  operation({
    id: "listVerifications",
    method: "get",
    path: "/v1/verifications",
    scope: ["otp:send", "otp:check"],
    summary: "List verifications",
    description:
      "Newest first. A test key sees the rehearsals, a live key the rest. Those of one number: `POST /v1/verifications/search`.",
    query: ListVerifications,
    answers: page(VerificationList, "verifications"),
    handle: (ctx, { query: { test, ...query } }, c) => {
      if (c.req.query("to") !== undefined) throw numberInAddress;
      return listVerifications(ctx, { ...query, ...(test === undefined ? {} : { test: test === "true" }) });
    },
  }),
  operation({
    id: "searchVerifications",
    method: "post",
    path: "/v1/verifications/search",
    scope: ["otp:send", "otp:check"],
    idempotent: "none",
    summary: "Find verifications",
    description: "The list, with the filters in the body, so that a number is in no address.",
    body: { schema: SearchVerifications, example: { to: "+6281234567890" } },
    answers: page(VerificationList, "verifications"),
    handle: (ctx, { body }) => listVerifications(ctx, body),
  }),
  operation({
    id: "getVerification",
    method: "get",
    path: "/v1/verifications/{id}",
    scope: ["otp:send", "otp:check"],
    summary: "Look at a verification",
    description:
      "Its state and where its latest message stands. Never the code. Only keys with `lookup:read` see that a number has no WhatsApp account: the verification is `undeliverable` for good, and another create makes a new one. For other keys it is as for a phone that is off: the message is `sent`, and the verification is pending until it expires.",
    params: byId,
    answers: ok(Verification, "As it is now."),
    inputLimits: ({ actor }, { params }) => [pollLimit(actor, params.id)],
    handle: async ({ services, actor }, { params }) => {
      const now = services.now().getTime();
      const row = await findVerification(services.db, tenantOf(actor), params.id, now);
      if (!row) throw new AppError("verification-not-found");
      return presentVerification(services, row, { now, scopes: actor.scopes });
    },
  }),
  operation({
    id: "getTimeline",
    method: "get",
    path: "/v1/verifications/{id}/events",
    scope: ["otp:send", "otp:check"],
    summary: "What has happened to it",
    description: "Creates, sends, receipts, wrong codes and the end, with their times, oldest first.",
    params: byId,
    answers: ok(Timeline, "At most 500 events."),
    handle: (ctx, { params }) => timelineOf(ctx, params.id),
  }),
  operation({
    id: "resendVerification",
    method: "post",
    path: "/v1/verifications/{id}/resend",
    scope: "otp:send",
    idempotent: "change",
    summary: "Send the code again",
    description:
      "The same code, under the same cooldown and limits as another create, for apps that do not keep the number.",
    params: byId,
    answers: accepted(Verification, "Stored, and on its way."),
    throws: ["destination-blocked", ...ended, ...ofSends],
    inputLimits: (ctx) => sendLimits(ctx, [{}]),
    handle: (ctx, { params }) => resendVerification(ctx, params.id),
  }),
  operation({
    id: "cancelVerification",
    method: "post",
    path: "/v1/verifications/{id}/cancel",
    scope: "otp:send",
    idempotent: "change",
    summary: "Cancel a verification",
    description:
      "Ends a pending verification: its code is forgotten at once, what is not sent yet is not sent any more, and what was sent and not read is deleted from the chat. Canceling a canceled one answers 200 as well.",
    params: byId,
    answers: ok(Verification, "Canceled."),
    throws: ended,
    handle: (ctx, { params }) => cancelVerification(ctx, params.id),
  }),
  operation({
    id: "approveVerification",
    method: "post",
    path: "/v1/verifications/{id}/approve",
    scope: "otp:approve",
    idempotent: "change",
    summary: "Approve without a code",
    description:
      "For a user whom you recognized in another way. Your word replaces only the code: a verification with a `bind` or a `clientBinding` is approved only if you name the same `bind` and the `clientVerifier`, as for a check. The reason is kept in the audit log; there is no proof. Approving again answers 200 as well, but not what a code has approved.",
    params: byId,
    body: { schema: ApproveVerification, example: { reason: "checked by phone call" } },
    answers: ok(Verification, "Approved."),
    throws: ["client-binding-mismatch", ...ended],
    handle: (ctx, { params, body }) => approveVerification(ctx, { id: params.id, body }),
  }),
];
