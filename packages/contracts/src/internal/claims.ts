import { z } from "zod";
import { Timestamp } from "../api/common.ts";
import { MessageId, SessionId, VerificationId } from "../ids.ts";
import { Traceparent } from "./trace.ts";

/**
 * `POST {edge}/internal/messages/claim`: the owner of a session asks for messages just before it sends them.
 * `connectorId` names this run of the process. The same run may claim its messages again, because it never sends one
 * message twice at a time. A higher fence takes the messages over from an owner that is gone.
 */
export const ClaimRequest = z.strictObject({
  connectorId: z.string().min(1).max(100),
  claims: z
    .array(
      z.strictObject({
        messageId: MessageId,
        sessionId: SessionId,
        fence: z.int().nonnegative(),
        /** When the trace of the message is recorded. */
        traceparent: Traceparent.optional(),
      }),
    )
    .min(1)
    .max(100),
});
export type ClaimRequest = z.infer<typeof ClaimRequest>;

export const ClaimResult = z.discriminatedUnion("outcome", [
  z.object({
    outcome: z.literal("claimed"),
    messageId: MessageId,
    /** JWE to the connector's sealing key; its plaintext is a `SealedPayload`. */
    sealed: z.string(),
    /** Null for a message without one. Edges released before December 2026 leave it out. */
    verificationId: VerificationId.nullable().optional(),
    /** For an OTP: the text with `codePlaceholder` where the code goes. */
    template: z.string().nullable(),
    expiresAt: Timestamp,
    attempt: z.int().positive(),
  }),
  /** Another run of a connector has the claim; claim again after this time. */
  z.object({ outcome: z.literal("busy"), messageId: MessageId, retryAfterMs: z.int().nonnegative() }),
  /** Sent, failed, canceled, expired or unknown: the connector does nothing. */
  z.object({ outcome: z.literal("done"), messageId: MessageId }),
]);
export type ClaimResult = z.infer<typeof ClaimResult>;

/** One result per claim, in the order of the request. */
export const ClaimResponse = z.object({ results: z.array(ClaimResult) });
export type ClaimResponse = z.infer<typeof ClaimResponse>;

/**
 * The purpose that a value is sealed for. The connector builds it from facts that do not come from the edge's database:
 * the message of the signed job, and the session's workspace in its own store. A code is sealed for its verification,
 * because several messages may carry it.
 */
export const sealedFor = {
  message: (messageId: string, workspaceId: string) => `message ${messageId} of ${workspaceId}`,
  code: (verificationId: string, workspaceId: string) => `code of ${verificationId} of ${workspaceId}`,
  proxy: (sessionId: string, workspaceId: string) => `proxy of ${sessionId} of ${workspaceId}`,
};

export const claimPath = "/internal/messages/claim";
