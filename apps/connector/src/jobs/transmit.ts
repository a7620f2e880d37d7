import type { FailureReason, SendJob } from "@sandi/contracts";
import { SignatureRefused } from "../baileys/patches/verify-signatures.ts";
import { NoAnswer } from "../baileys/no-answer.ts";
import type { WireMessage } from "../content/wire.ts";
import type { Services } from "../services.ts";
import type { Pass } from "../session/breaker.ts";
import type { LiveSession } from "../session/live.ts";
import type { SendTelemetry } from "./send-telemetry.ts";
import { type JobOutcome, later } from "./outcome.ts";
import type { Place } from "./place.ts";

/** How often the recipient's keys may fail before the message is given up. */
const maxAttempts = 5;
/** Messages that waited for a pause to end come back spread out. */
const spreadMs = 10_000;

/** The error of a stanza that was not valid: mostly a device of the recipient that is no more. */
export const staleDevices = "479";
const codes = {
  noNewChats: "463",
  tooMuch: "429",
} as const;
const forbidden = new Set(["401", "403"]);

interface Transmission {
  chat: string;
  waId: string;
  message: WireMessage;
  telemetry: SendTelemetry;
  ackTimeoutMs: number;
}

/**
 * Resolves with `sent` when WhatsApp's server has the message, with the reason why it never will, or with `paused` when
 * it is to go later; otherwise rejects. What the answer says of the account goes to the session's breaker and limits.
 */
export async function transmit(
  { live, socket }: Place,
  pass: Pass,
  { chat, waId, message, telemetry, ackTimeoutMs }: Transmission,
): Promise<FailureReason | "sent" | "paused"> {
  const awaited = live.connection.awaitAck(waId);
  try {
    await socket.send(chat, waId, message);
  } catch (error) {
    awaited.cancel();
    if (error instanceof NoAnswer) throw error;
    if (error instanceof SignatureRefused) return "undeliverable";
    if (telemetry.attempt >= maxAttempts && live.online() === socket) return "undeliverable";
    throw error;
  }
  const ack = await telemetry.timed("ack", () => awaited.within(ackTimeoutMs));
  if (ack.type === "unknown") throw new Error("WhatsApp did not acknowledge the message");
  if (ack.type === "sent") {
    pass.sent();
    return "sent";
  }
  if (ack.error === staleDevices && telemetry.attempt === 1) {
    live.connection.forgetDevices(chat);
    throw new Error("WhatsApp has newer devices of the recipient");
  }
  return afterRefusal(live, pass, { error: ack.error, chat });
}

function afterRefusal(
  { sending }: LiveSession,
  pass: Pass,
  { error, chat }: { error: string; chat: string },
): FailureReason | "paused" {
  if (error === codes.noNewChats) {
    void sending.reads.refused().then((isExplained) => isExplained || pass.refused("unexplained", chat));
    return "new_chats_locked";
  }
  if (error === codes.tooMuch) {
    pass.refused("rate", chat);
    return "paused";
  }
  const isForbidden = forbidden.has(error);
  pass.refused(isForbidden ? "forbidden" : "unexplained", chat);
  return isForbidden ? "account_restricted" : "refused";
}

/** A message that may not go before then: it comes again, or fails when it is no good by then. */
export function holdUntil(
  { now, chance }: Pick<Services, "now" | "chance">,
  job: Pick<SendJob, "expiresAt">,
  until: Date,
): { failure: FailureReason } | JobOutcome {
  const [expires, end, at] = [Date.parse(job.expiresAt), until.getTime(), now().getTime()];
  if (expires <= end) return { failure: "account_restricted" };
  const spread = chance() * Math.min(spreadMs, expires - end);
  return later(Math.ceil((end + spread - at) / 1000), "sending is paused");
}

/** A message whose turn is then: it waits out the rest of the last second here. */
export function comeBack({ now }: Pick<Services, "now">, at: Date): JobOutcome {
  return later(Math.floor((at.getTime() - now().getTime()) / 1000), "others are before it");
}
