import { z } from "zod";
import { MessageId, SessionId, WorkspaceId } from "../ids.ts";
import { Timestamp } from "../api/common.ts";

/** `POST {connector}/jobs/send`, through QStash. No text, no number, no code: those are claimed at the edge. */
export const SendJob = z.strictObject({ messageId: MessageId, sessionId: SessionId, expiresAt: Timestamp });
export type SendJob = z.infer<typeof SendJob>;

/**
 * `POST {connector}/jobs/revoke`, through QStash: take a sent message back for everyone, unless it was read. The connector
 * knows the chat from its own ledger; a message that it does not know, or that failed, is nothing to do.
 */
export const RevokeJob = z.strictObject({ messageId: MessageId, sessionId: SessionId, expiresAt: Timestamp });
export type RevokeJob = z.infer<typeof RevokeJob>;

/** What the operator wants of a session. */
export const DesiredState = z.enum(["running", "stopped", "logged_out", "deleted"]);
export type DesiredState = z.infer<typeof DesiredState>;

/**
 * `POST {connector}/jobs/session`, through QStash. A revision that is not newer than the known one changes nothing;
 * a newer one with `running` restarts a session that runs.
 */
export const SessionJob = z.strictObject({
  sessionId: SessionId,
  workspaceId: WorkspaceId,
  desired: DesiredState,
  revision: z.int().positive(),
});
export type SessionJob = z.infer<typeof SessionJob>;

/** Where QStash delivers, below the connector's URL. */
export const jobPaths = { send: "/jobs/send", revoke: "/jobs/revoke", session: "/jobs/session" } as const;
