import type { RevokeJob } from "@sandi/contracts";
import type { Logger } from "pino";
import { secondsUntil } from "../baileys/no-answer.ts";
import { refusalCodes } from "../baileys/refusal-codes.ts";
import { isGroup } from "../content/jids.ts";
import type { JobMetrics } from "./metrics.ts";
import type { Services } from "../services.ts";
import { type LedgerEntry, rank } from "../store/ledger.ts";
import { LeaseLost } from "../store/fence.ts";
import type { Deliveries } from "../deliveries/deliveries.ts";
import { done, type JobOutcome, later, sharedRuns } from "./outcome.ts";
import { type OnlineSession, resolveSession, type SessionLookup } from "./resolve-session.ts";

export interface RevokeContext extends SessionLookup {
  services: Pick<Services, "now">;
  logger: Logger;
  metrics: Pick<JobMetrics, "revokes">;
  deliveries: Deliveries;
  ackTimeoutMs: number;
}

/**
 * Revokes one message for everyone, unless it was read. `done` only when the outcome is stored or there is nothing to
 * revoke. The revocation has the same WhatsApp id in all attempts, so that a second attempt is the same message.
 */
export function createRevoker(context: RevokeContext): (job: RevokeJob) => Promise<JobOutcome> {
  return sharedRuns((job) => revoke(context, job).catch((error: unknown) => afterFailure(context, job, error)));
}

async function revoke(context: RevokeContext, { messageId, sessionId, expiresAt }: RevokeJob): Promise<JobOutcome> {
  const { services, deliveries, logger } = context;
  if (Date.parse(expiresAt) <= services.now().getTime()) return count(context, done, "expired");
  const entry = await deliveries.find(messageId);
  if (entry?.sessionId !== sessionId) return count(context, done, "unknown");
  if (entry.rank === rank.sending) return count(context, later(2, "the message is being sent"), "later");
  if (entry.rank >= rank.read) return count(context, done, "not_wanted");
  const chat = await deliveries.chat(entry);
  if (chat === null) return count(context, done, "lapsed");
  const session = await resolveSession(context, sessionId);
  if ("status" in session) return count(context, session, "later");
  if ("failure" in session) return count(context, done, session.failure);
  const refusal = await transmit(context, session, entry, chat);
  if (refusal !== null) {
    logger.warn({ messageId, refusal }, "WhatsApp refused the revocation");
    return count(context, done, "refused");
  }
  await deliveries.revoked(session.fence, entry);
  logger.info({ messageId }, "revoked");
  return count(context, done, "revoked");
}

/** Resolves with null when WhatsApp's server has the revocation, and with the error when it refuses; else rejects. */
async function transmit(
  { ackTimeoutMs }: RevokeContext,
  { live, socket }: OnlineSession,
  { waId }: LedgerEntry,
  chat: string,
): Promise<string | null> {
  const revocation = socket.revocationOf(chat, waId);
  const awaited = live.connection.awaitAck(revocation.waId);
  try {
    await revocation.send();
  } catch (error) {
    awaited.cancel();
    throw error;
  }
  const ack = await awaited.within(ackTimeoutMs);
  if (ack.type === "sent") return null;
  if (ack.type === "unknown") throw new Error("WhatsApp did not acknowledge the revocation");
  if (ack.error === refusalCodes.staleDevices) {
    if (isGroup(chat)) await socket.renewGroup(chat, true);
    else live.connection.forgetDevices(chat);
    throw new Error("WhatsApp has newer devices of the recipient");
  }
  return ack.error;
}

function afterFailure(context: RevokeContext, { messageId, sessionId }: RevokeJob, error: unknown): JobOutcome {
  if (error instanceof LeaseLost) context.find(sessionId)?.lose();
  context.logger.warn({ messageId, error }, "not revoked yet");
  return count(context, later(secondsUntil(error), "the attempt failed"), "later");
}

function count({ metrics }: RevokeContext, outcome: JobOutcome, result: string): JobOutcome {
  metrics.revokes.inc({ result });
  return outcome;
}
