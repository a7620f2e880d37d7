import type { FailureReason, SendJob } from "@sandi/contracts";
import { SignatureRefused } from "../baileys/patches/verify-signatures.ts";
import { NoAnswer } from "../baileys/no-answer.ts";
import type { StanzaNode } from "../content/stanza-nodes.ts";
import type { WireMessage } from "../content/wire.ts";
import type { Services } from "../services.ts";
import type { SendPermit } from "../session/breaker.ts";
import type { LiveSession } from "../session/live.ts";
import type { SendTelemetry } from "./send-telemetry.ts";
import { type JobOutcome, later } from "./outcome.ts";
import type { OnlineSession } from "./resolve-session.ts";

/** The attempts at a recipient whose keys fail, before the message fails. */
const maxAttempts = 5;
/** Messages that waited for the end of a pause are spread over this time. */
const spreadMs = 10_000;

/** The error of an invalid stanza. Mostly, a device of the recipient does not exist any more. */
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
  nodes: StanzaNode[];
  telemetry: SendTelemetry;
  ackTimeoutMs: number;
}

/**
 * Sends a message and waits for the ack. Resolves with `sent`, with the reason of a final failure, or with `paused` when
 * the message must wait; otherwise rejects. Reports to the breaker and to the limits what the ack says of the account.
 */
export async function transmit(
  { live, socket }: OnlineSession,
  permit: SendPermit,
  { chat, waId, message, nodes, telemetry, ackTimeoutMs }: Transmission,
): Promise<FailureReason | "sent" | "paused"> {
  const awaited = live.connection.awaitAck(waId);
  try {
    await socket.send(chat, waId, message, nodes);
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
    permit.sent();
    return "sent";
  }
  if (ack.error === staleDevices && telemetry.attempt === 1) {
    live.connection.forgetDevices(chat);
    throw new Error("WhatsApp has newer devices of the recipient");
  }
  return afterRefusal(live, permit, { error: ack.error, chat });
}

function afterRefusal(
  { sending }: LiveSession,
  permit: SendPermit,
  { error, chat }: { error: string; chat: string },
): FailureReason | "paused" {
  if (error === codes.noNewChats) {
    void sending.reads.refused().then((isExplained) => isExplained || permit.refused("unexplained", chat));
    return "new_chats_locked";
  }
  if (error === codes.tooMuch) {
    permit.refused("rate", chat);
    return "paused";
  }
  const isForbidden = forbidden.has(error);
  permit.refused(isForbidden ? "forbidden" : "unexplained", chat);
  return isForbidden ? "account_restricted" : "refused";
}

/** A message of a session that is paused until then: it is retried, or fails when it expires before. */
export function retryAfterPause(
  { now, chance }: Pick<Services, "now" | "chance">,
  job: Pick<SendJob, "expiresAt">,
  until: Date,
): { failure: FailureReason } | JobOutcome {
  const [expires, end, at] = [Date.parse(job.expiresAt), until.getTime(), now().getTime()];
  if (expires <= end) return { failure: "account_restricted" };
  const spread = chance() * Math.min(spreadMs, expires - end);
  return later(Math.ceil((end + spread - at) / 1000), "sending is paused");
}

/** A message whose turn is then. It arrives up to a second early and waits here. */
export function retryAt({ now }: Pick<Services, "now">, at: Date): JobOutcome {
  return later(Math.floor((at.getTime() - now().getTime()) / 1000), "others are before it");
}
