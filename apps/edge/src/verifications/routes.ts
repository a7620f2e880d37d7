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
import { accepted, ok, partialPage } from "../http/answers.ts";
import { operation, type Operation } from "../http/operation.ts";
import { pollLimit } from "../rate-limits/named.ts";
import { ended } from "./check-verification.ts";
import { createBatch } from "./create-batch.ts";
import { prepareVerification } from "./create-verifications.ts";
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
/** URLs are logged, so they must hold no numbers. */
const numberInAddress = new AppError("invalid-request", {
  errors: [{ pointer: "query/to", message: "must be in the body of `POST /v1/verifications/search`" }],
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
      "Sends a code to a WhatsApp number. With `mode: inbound` the answer has a link with which the user writes to us. While a verification of the same number and purpose is pending, another create sends the same code again (`created: false`), at `resendAfter` at the earliest. A create with another `bind`, `clientBinding`, mode, `inboundVariant` or own code replaces the pending verification.",
    body: { schema: CreateVerification, example: { to: "+6281234567890", purpose: "login" } },
    answers: accepted(Verification, "Stored and queued."),
    throws: ofCreates,
    inputLimits: (ctx, { body }) => sendLimits(ctx, [body]),
    prepare: (ctx, { body, idempotencyKey }) => prepareVerification(ctx, { body, idempotencyKey }),
  }),
  operation({
    id: "createVerifications",
    method: "post",
    path: "/v1/verifications/batch",
    scope: "otp:send",
    idempotent: "create",
    summary: "Send up to 500 codes",
    description:
      "Each item has its own result, in the order of the request. An item that is refused does not affect the others. With an `Idempotency-Key` each item is created once, also if the batch is repeated.",
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
      "Newest first. A test key sees the sandbox's verifications, a live key the live ones. To search for a number, use `POST /v1/verifications/search`.",
    query: ListVerifications,
    answers: partialPage(VerificationList, "verifications"),
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
    summary: "Search verifications",
    description: "The list with the filters in the body, so that URLs hold no numbers.",
    body: { schema: SearchVerifications, example: { to: "+6281234567890" } },
    answers: partialPage(VerificationList, "verifications"),
    handle: (ctx, { body }) => listVerifications(ctx, body),
  }),
  operation({
    id: "getVerification",
    method: "get",
    path: "/v1/verifications/{id}",
    scope: ["otp:send", "otp:check"],
    summary: "Get a verification",
    description:
      "Its status and the status of its latest message, never the code. Only keys with `lookup:read` see that a number has no WhatsApp account: the verification stays `undeliverable`, and another create makes a new one. For other keys it looks like a phone that is off: the message is `sent`, and the verification is pending until it expires.",
    params: byId,
    answers: ok(Verification, "The verification."),
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
    summary: "Get a verification's timeline",
    description: "Its events with their times, oldest first: creates, sends, receipts, wrong codes and the end.",
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
      "Sends the same code, with the same cooldown and limits as another create, for apps that do not store the number.",
    params: byId,
    answers: accepted(Verification, "Stored and queued."),
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
      "Ends a pending verification. Its code is deleted at once, queued messages are canceled, and sent messages that are not read are deleted from the chat. A second cancel also answers 200.",
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
      "For a user whom you recognized in another way. Your approval replaces only the code: for a verification with a `bind` or a `clientBinding` you must name the same `bind` and the `clientVerifier`, as for a check. The audit log stores the reason. There is no proof. A second approval also answers 200, except if a code has approved the verification.",
    params: byId,
    body: { schema: ApproveVerification, example: { reason: "checked by phone call" } },
    answers: ok(Verification, "Approved."),
    throws: ["client-binding-mismatch", ...ended],
    handle: (ctx, { params, body }) => approveVerification(ctx, { id: params.id, body }),
  }),
];
