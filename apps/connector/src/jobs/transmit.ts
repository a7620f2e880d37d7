import type { FailureReason, SendJob } from "@sandi/contracts";
import { SignatureRefused } from "../baileys/patches/verify-signatures.ts";
import { NoAnswer } from "../baileys/no-answer.ts";
import { forbidden, refusalCodes, wrongForm } from "../baileys/refusal-codes.ts";
import { isGroup, isLid, isOfTwo } from "../content/jids.ts";
import type { StanzaNode } from "../content/stanza-nodes.ts";
import type { WireMessage } from "../content/wire.ts";
import type { Services } from "../services.ts";
import type { SendPermit } from "../session/breaker.ts";
import type { LiveSession } from "../session/live.ts";
import type { SendTelemetry } from "./send-telemetry.ts";
import { refusalOfGroup } from "./destination.ts";
import { type JobOutcome, later } from "./outcome.ts";
import type { OnlineSession } from "./resolve-session.ts";

/** The attempts at a recipient whose keys fail, before the message fails. */
const maxAttempts = 5;
/** Messages that waited for the end of a pause are spread over this time. */
const spreadMs = 10_000;

interface Transmission {
  chat: string;
  /** The hidden ids of those who see a story. */
  audience?: readonly string[] | undefined;
  waId: string;
  message: WireMessage;
  nodes: StanzaNode[];
  telemetry: SendTelemetry;
  ackTimeoutMs: number;
  /** The other jid of the recipient was refused. */
  isSecondForm?: boolean;
}

/** WhatsApp refused this jid of the recipient. The other one is not tried yet. */
export interface WrongForm {
  other: string;
}

/**
 * Sends a message and waits for the ack. Resolves with `sent`, with the reason of a final failure, with the recipient's
 * other jid when that may be the right one, or with `paused` when the message must wait; otherwise rejects. Reports to
 * the breaker and to the limits what the ack says of the account.
 */
export async function transmit(
  session: OnlineSession,
  permit: SendPermit,
  { chat, audience, waId, message, nodes, telemetry, ackTimeoutMs, isSecondForm = false }: Transmission,
): Promise<FailureReason | "sent" | "paused" | WrongForm> {
  const { live, socket } = session;
  const awaited = live.connection.awaitAck(waId);
  try {
    await (audience ? socket.sendStory(audience, waId, message) : socket.send(chat, waId, message, nodes));
  } catch (error) {
    awaited.cancel();
    if (error instanceof NoAnswer) throw error;
    if (error instanceof SignatureRefused) return "undeliverable";
    if (telemetry.attempt >= maxAttempts && live.online() === socket) return "undeliverable";
    throw error;
  }
  const ack = await telemetry.timed("ack", () => awaited.within(ackTimeoutMs));
  if (ack.type === "sent") {
    permit.sent();
    return "sent";
  }
  const isStale = ack.type === "refused" && ack.error === refusalCodes.staleDevices && telemetry.attempt === 1;
  if (isGroup(chat)) await socket.renewGroup(chat, isStale);
  if (ack.type === "unknown") throw new Error("WhatsApp did not acknowledge the message");
  if (isStale) {
    for (const jid of audience ?? [chat]) live.connection.forgetDevices(jid);
    throw new Error("WhatsApp has newer devices of the recipient");
  }
  if (isGroup(chat) && forbidden.has(ack.error)) {
    const reason = await refusalOfGroup(session, chat);
    if (reason) return reason;
  }
  const other = isSecondForm ? null : await otherForm(session, chat, ack.error);
  if (other !== null) return { other };
  return afterRefusal(live, permit, { error: ack.error, chat });
}

/** The recipient's other jid, if the refusal is about this one and not about the account. */
async function otherForm({ live, socket }: OnlineSession, chat: string, error: string): Promise<string | null> {
  if (!isOfTwo(chat) || error !== wrongForm[isLid(chat) ? "lid" : "pn"]) return null;
  const other = await socket.otherJidOf(chat).catch(() => null);
  const isOfAccount = error === refusalCodes.noNewChats && other !== null && (await live.sending.reads.refused());
  return isOfAccount ? null : other;
}

function afterRefusal(
  { sending }: LiveSession,
  permit: SendPermit,
  { error, chat }: { error: string; chat: string },
): FailureReason | "paused" {
  if (error === refusalCodes.noNewChats) {
    void sending.reads.refused().then((isExplained) => isExplained || permit.refused("unexplained", chat));
    return "new_chats_locked";
  }
  if (error === refusalCodes.tooMuch) {
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
