import { AppError } from "@sandi/contracts";
import type { Logger } from "pino";
import { Refused } from "../baileys/answered.ts";
import { NoAnswer, secondsUntil } from "../baileys/no-answer.ts";
import { forbidden, refusalCodes, wrongForm } from "../baileys/refusal-codes.ts";
import type { WhatsAppSocket } from "../baileys/socket.ts";
import { type Change, changeIn } from "../content/changes.ts";
import type { StanzaNode } from "../content/stanza-nodes.ts";
import { whatsappId } from "../content/whatsapp-ids.ts";
import { decode, encode, type WireMessage } from "../content/wire.ts";
import { applyAction } from "../inbound/apply-action.ts";
import type { ChangeContext } from "../inbound/context.ts";
import type { Services } from "../services.ts";
import type { LiveSession } from "../session/live.ts";
import { actionMessage, actionStatement, findAction } from "../store/actions.ts";
import { LeaseLost, writeFenced } from "../store/fence.ts";
import { wasReceived } from "../store/received.ts";
import { type Target, type TargetContext, findTarget } from "./target.ts";

/** What the room works with. */
export interface ActionContext extends Omit<ChangeContext, "deliveries" | "services"> {
  services: ChangeContext["services"] & Pick<Services, "random">;
  deliveries: ChangeContext["deliveries"] & TargetContext["deliveries"];
  logger: Pick<Logger, "warn" | "info">;
  ackTimeoutMs: number;
}

/** Something that the account does with a message. The same `actionId` is the same action. */
export interface Asked {
  messageId: string;
  actionId: string;
  /** Writes the message that does it. Throws when the target does not allow it. */
  write: (target: Target, socket: WhatsAppSocket) => WireMessage | Promise<WireMessage>;
}

const rateLimitSeconds = 60;

/**
 * Sends an action and waits for WhatsApp's ack. Then it is stored as if the account's phone had done it. A repetition has the
 * same WhatsApp id, so that nobody sees it twice. Throws `outcome-unknown` when it may have happened.
 */
export async function perform(
  context: ActionContext,
  { live, socket }: { live: LiveSession; socket: WhatsAppSocket },
  { messageId, actionId, write }: Asked,
): Promise<{ at: string }> {
  const { store, atRest, pseudonym, services } = context;
  const { fence } = live;
  const { sessionId } = fence;
  const waId = whatsappId(["action", sessionId, messageId, actionId].join(" "));
  const at = services.now();
  if (await wasReceived(store, sessionId, pseudonym(waId))) return { at: at.toISOString() };
  const target = await findTarget(context, sessionId, messageId);
  if (!target) throw new AppError("message-not-kept");
  const earlier = await findAction(store, sessionId, waId);
  const message = earlier
    ? decode(await atRest(sessionId).open(earlier.sealed, actionMessage.context(waId)))
    : await Promise.resolve(write(target, socket)).catch((cause: unknown) => notAnswered(live, socket, cause));
  const change = changeIn(message);
  if (!change) throw new TypeError("an action changes a message");
  if (!earlier) {
    const sealed = await atRest(sessionId).seal(encode(message), actionMessage.context(waId));
    await writeFenced(store, fence, [
      actionStatement(fence, { waId, chat: pseudonym(target.names[0] ?? target.chat), sealed }, at),
    ]);
  }
  const sending = { live, socket, target, waId, change };
  await transmit(context, { ...sending, message });
  await applied(context, sending);
  context.logger.info({ messageId, action: change.type }, "an action was acknowledged");
  return { at: at.toISOString() };
}

interface Sending {
  live: LiveSession;
  socket: WhatsAppSocket;
  target: Target;
  waId: string;
  change: Change;
}

/** Resolves when WhatsApp's server has the action. */
async function transmit(
  { services, ackTimeoutMs }: ActionContext,
  { live, socket, target, waId, message, change }: Sending & { message: WireMessage },
): Promise<void> {
  const { chat } = target;
  const { sending, connection } = live;
  await sending.limits.ready;
  const permit = sending.breaker.enter();
  if ("pausedUntil" in permit) {
    const seconds = Math.ceil((permit.pausedUntil.getTime() - services.now().getTime()) / 1000);
    throw new AppError("whatsapp-rate-limited", { retryAfter: Math.max(1, seconds) });
  }
  const attempt = async (to: string) => {
    const awaited = connection.awaitAck(waId);
    try {
      await socket.sendChange(to, waId, { message, ...stanzaOf(change, target) });
    } catch (cause) {
      // Nothing was written: the frame comes last.
      awaited.cancel();
      throw notSent(live, socket, cause);
    }
    return awaited.within(ackTimeoutMs);
  };
  try {
    let ack = await attempt(chat);
    const isRefused = (...errors: string[]) => ack.type === "refused" && errors.includes(ack.error);
    if (isRefused(refusalCodes.staleDevices)) {
      connection.forgetDevices(chat);
      ack = await attempt(chat);
    }
    const otherName = target.names.find((name) => name !== chat);
    if (isRefused(...Object.values(wrongForm)) && otherName !== undefined) ack = await attempt(otherName);
    if (ack.type === "unknown") throw new AppError("outcome-unknown", { retryAfter: 2 });
    if (ack.type === "sent") return permit.sent();
    if (ack.error === refusalCodes.tooMuch) permit.refused("rate", chat);
    if (forbidden.has(ack.error) && target.group === null) permit.refused("forbidden", chat);
    throw refusal(ack.error);
  } finally {
    permit.leave();
  }
}

function refusal(error: string): AppError {
  const whatsappCode = Number(error) || undefined;
  const extras = whatsappCode === undefined ? {} : { whatsappCode };
  if (error === refusalCodes.tooMuch)
    return new AppError("whatsapp-rate-limited", { ...extras, retryAfter: rateLimitSeconds });
  return new AppError("whatsapp-refused", extras);
}

/** Nothing was sent, because a question to WhatsApp before it failed. */
export function notAnswered(live: LiveSession, socket: WhatsAppSocket, cause: unknown): never {
  if (cause instanceof Refused) throw refusal(String(cause.code));
  throw cause instanceof NoAnswer ? notSent(live, socket, cause) : cause;
}

function notSent(live: LiveSession, socket: WhatsAppSocket, cause: unknown): AppError {
  if (live.online() !== socket) return new AppError("session-not-online", { cause });
  const retryAfter = cause instanceof NoAnswer ? secondsUntil(cause) : 2;
  return new AppError("connector-unavailable", { detail: "WhatsApp did not answer.", retryAfter, cause });
}

/** What the stanza says beside the encrypted message. */
function stanzaOf({ type }: Change, { group, author }: Target): { nodes: StanzaNode[]; edit?: string } {
  if (type === "edit") return { nodes: [], edit: "1" };
  if (type === "pin") return { nodes: [], edit: "2" };
  if (type === "revoke") return { nodes: [], edit: group !== null && author !== null ? "8" : "7" };
  return { nodes: type === "vote" ? [{ tag: "meta", attrs: { polltype: "vote" } }] : [] };
}

/** Stores what the action did, with its event. */
async function applied(context: ActionContext, { live, socket, waId }: Sending): Promise<void> {
  try {
    await applyAction(context, live.fence, { waId, own: () => socket.own() });
  } catch (error) {
    if (error instanceof LeaseLost) live.lose();
    context.logger.warn({ error }, "an action was not stored");
    throw new AppError("outcome-unknown", { retryAfter: 2, cause: error });
  }
}
