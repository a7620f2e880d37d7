import { type ClaimResult, codePlaceholder, type FailureReason, SealedPayload, type SendJob } from "@sandi/contracts";
import type { Unsealer } from "@sandi/crypto";
import type { TraceContext, Tracer } from "@sandi/tracing";
import type { Logger } from "pino";
import { SignatureRefused } from "../baileys/mends.ts";
import { textMessage, whatsappId } from "../baileys/message.ts";
import type { Metrics } from "../metrics.ts";
import type { Services } from "../services.ts";
import { rank } from "../store/ledger.ts";
import { LeaseLost } from "../store/sessions.ts";
import { type Account, openAccount } from "./account.ts";
import type { ClaimMessage } from "./claims.ts";
import type { Deliveries } from "./deliveries.ts";
import type { Numbers } from "./numbers.ts";
import { done, type JobOutcome, later, sharedRuns } from "./outcome.ts";
import { type Place, whereabouts, type Whereabouts } from "./place.ts";

export interface SendContext extends Whereabouts {
  services: Services;
  logger: Logger;
  metrics: Metrics;
  tracer: Tracer;
  claim: ClaimMessage;
  unseal: Unsealer;
  numbers: Numbers;
  deliveries: Deliveries;
  ackTimeoutMs: number;
  ledgerMs: number;
}

type Claimed = Extract<ClaimResult, { outcome: "claimed" }>;

/** How often the recipient's keys may fail before the message is given up. */
const maxAttempts = 5;

/** The stanza was not valid: mostly a device of the recipient that is no more. */
const staleDevices = "479";

/** Ack errors that mean more than "refused". */
const refusals: Record<string, FailureReason> = {
  "463": "new_chats_locked",
  "401": "account_restricted",
  "403": "account_restricted",
};

/**
 * Sends one message, or tells why not. `done` only when the outcome is stored; two deliveries of the same job share
 * one run, and a message keeps its WhatsApp id over all attempts, so that its recipient sees it once.
 */
export function createSender(context: SendContext): (job: SendJob, trace?: TraceContext) => Promise<JobOutcome> {
  return sharedRuns((job, trace?: TraceContext) => {
    const account = openAccount(context, job, trace);
    return send(context, job, account).catch((error: unknown) => {
      if (error instanceof LeaseLost) context.find(job.sessionId)?.lose();
      return account.end(later(1, "the attempt failed"), "later", error);
    });
  });
}

async function send(context: SendContext, job: SendJob, account: Account): Promise<JobOutcome> {
  const { services, deliveries, claim } = context;
  const { traceparent } = account;
  if (Date.parse(job.expiresAt) <= services.now().getTime()) return account.end(done, "expired");
  const place = await whereabouts(context, job.sessionId);
  if ("status" in place) return account.end(place, "not_ready");
  const { fence } = place;
  const known = await deliveries.find(job.messageId);
  if (known && known.rank >= rank.sent) return account.end(done, "known");

  const { messageId, sessionId } = job;
  const claimed = await account.timed("claim", (trace) =>
    claim({ messageId, sessionId, fence: fence.fence, ...(trace === undefined ? {} : { traceparent: trace }) }),
  );
  if (claimed.outcome === "busy") {
    return account.end(later(Math.ceil(claimed.retryAfterMs / 1000), "claimed by another"), "busy");
  }
  if (claimed.outcome === "done") return account.end(done, "not_wanted");
  account.attempt = claimed.attempt;

  const waId = whatsappId(job.messageId);
  const fail = async (reason: FailureReason) => {
    await deliveries.failed(fence, { messageId, waId, reason, traceparent });
    return account.end(done, reason);
  };
  if ("failure" in place) return fail(place.failure);
  const payload = await openPayload(context, claimed);
  if (!payload) return fail("unreadable");
  const { socket } = place;
  const chat = await account.timed("lookUp", () =>
    context.numbers.jidOf(payload.to.slice(1), sessionId, (digits) => socket.lookUp(digits)),
  );
  if (chat === null) return fail("not_on_whatsapp");
  if (Date.parse(claimed.expiresAt) <= services.now().getTime()) return fail("expired");

  const message = textMessage(payload.text, services.random(32));
  // A code is kept for devices that ask again only while it is good.
  const keepUntil =
    claimed.template === null ? new Date(services.now().getTime() + context.ledgerMs) : new Date(claimed.expiresAt);
  await deliveries.begin(fence, { messageId, waId, chat, message, keepUntil, traceparent });
  const failure = await transmit(context, place, { chat, waId, message, account });
  if (failure) return fail(failure);
  await deliveries.sent(fence, waId, await socket.lidOf(chat).catch(() => null));
  return account.end(done, "sent");
}

interface Transmission {
  chat: string;
  waId: string;
  message: Uint8Array;
  account: Account;
}

/** Resolves when WhatsApp's server has the message, or with the reason why it never will; otherwise rejects. */
async function transmit(
  { ackTimeoutMs }: SendContext,
  { live, socket }: Place,
  { chat, waId, message, account }: Transmission,
): Promise<FailureReason | null> {
  const awaited = live.awaitAck(waId);
  try {
    await socket.send(chat, waId, message);
  } catch (error) {
    awaited.cancel();
    if (error instanceof SignatureRefused) return "undeliverable";
    if (account.attempt >= maxAttempts && live.online() === socket) return "undeliverable";
    throw error;
  }
  const ack = await account.timed("ack", () => awaited.within(ackTimeoutMs));
  if (ack.type === "sent") return null;
  if (ack.type === "unknown") throw new Error("WhatsApp did not acknowledge the message");
  if (ack.error === staleDevices && account.attempt === 1) {
    live.forgetDevices(chat);
    throw new Error("WhatsApp has newer devices of the recipient");
  }
  return refusals[ack.error] ?? "refused";
}

async function openPayload({ unseal }: SendContext, { sealed, template }: Claimed) {
  try {
    const payload = SealedPayload.parse(await unseal(sealed));
    if ("text" in payload) return { to: payload.to, text: payload.text };
    // A function, for a replacement text gives `$` a meaning.
    return template === null
      ? null
      : { to: payload.to, text: template.replaceAll(codePlaceholder, () => payload.code) };
  } catch {
    return null;
  }
}
