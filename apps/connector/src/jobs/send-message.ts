import type { ClaimResult, FailureReason, SendJob } from "@sandi/contracts";
import type { Unsealer } from "@sandi/crypto";
import type { TraceContext, Tracer } from "@sandi/tracing";
import { LRUCache } from "lru-cache";
import type { Logger } from "pino";
import { secondsUntil } from "../baileys/no-answer.ts";
import { whatsappId } from "../content/whatsapp-ids.ts";
import { encode } from "../content/wire.ts";
import type { JobMetrics } from "./metrics.ts";
import type { Services } from "../services.ts";
import type { Pass } from "../session/breaker.ts";
import type { Turn } from "../session/pacer.ts";
import type { Chats } from "../store/chats.ts";
import { rank } from "../store/ledger.ts";
import { type Fence, LeaseLost } from "../store/fence.ts";
import { type SendTelemetry, startTelemetry } from "./send-telemetry.ts";
import type { ClaimMessage } from "./claims.ts";
import type { Deliveries } from "../deliveries/deliveries.ts";
import { exhausted, LookUpsExhausted } from "../numbers/look-up-budget.ts";
import { NotKnown, type Numbers } from "../numbers/numbers.ts";
import { done, type JobOutcome, later, sharedRuns } from "./outcome.ts";
import { openMessage } from "./open-message.ts";
import { type Place, whereabouts, type Whereabouts } from "./place.ts";
import { comeBack, holdUntil, transmit } from "./transmit.ts";

export interface SendContext extends Whereabouts {
  services: Services;
  logger: Logger;
  metrics: JobMetrics;
  tracer: Tracer;
  claim: ClaimMessage;
  unseal: Unsealer;
  numbers: Numbers;
  deliveries: Deliveries;
  chats: Chats;
  ackTimeoutMs: number;
  ledgerMs: number;
}

type Claimed = Extract<ClaimResult, { outcome: "claimed" }>;

/** Messages that WhatsApp refused for the time being, and that nobody has therefore. */
type Refused = LRUCache<string, true>;

/**
 * Sends one message, or tells why not. `done` only when the outcome is stored; two deliveries of the same job share
 * one run, and a message keeps its WhatsApp id over all attempts, so that its recipient sees it once.
 */
export function createSender(context: SendContext): (job: SendJob, trace?: TraceContext) => Promise<JobOutcome> {
  const refused: Refused = new LRUCache({ max: 10_000 });
  return sharedRuns((job, trace?: TraceContext) => {
    const telemetry = startTelemetry(context, job, trace);
    return send({ ...context, job, telemetry }, refused).catch((error: unknown) => {
      if (error instanceof LeaseLost) context.find(job.sessionId)?.lose();
      return telemetry.end(later(secondsUntil(error), "the attempt failed"), "later", error);
    });
  });
}

/** One run of a job. */
interface Run extends SendContext {
  job: SendJob;
  telemetry: SendTelemetry;
}

async function send(run: Run, refused: Refused): Promise<JobOutcome> {
  const { services, deliveries, job, telemetry } = run;
  if (Date.parse(job.expiresAt) <= services.now().getTime()) return telemetry.end(done, "expired");
  const place = await whereabouts(run, job.sessionId);
  if ("status" in place) return telemetry.end(place, "not_ready");
  const entry = await deliveries.find(job.messageId);
  // What another session of the pool has failed at is this one's to send, as new.
  const known = entry?.rank === rank.failed && entry.sessionId !== job.sessionId ? null : entry;
  if (known && known.rank >= rank.sent) return telemetry.end(done, "known");
  if ("failure" in place) return giveUp(run, place);

  const { sending } = place.live;
  await sending.limits.ready;
  const { pausedUntil } = sending.limits.current();
  if (pausedUntil) return hold(run, place, pausedUntil);
  const { pacer } = sending;
  const turn =
    job.lane === "bulk" ? await telemetry.timed("turn", () => pacer.bulk(job.messageId, job.pacing)) : pacer.code();
  if ("comeBackAt" in turn) return telemetry.end(comeBack(services, turn.comeBackAt), "paced");
  run.metrics.paced.inc({ lane: job.lane });
  let isOver = false;
  try {
    // An attempt without an answer may have reached its recipient: only the same again says so without a second message.
    const mayHaveArrived = known !== null && !refused.has(job.messageId);
    const outcome = await sendInTurn(run, { place, turn, mayHaveArrived }, refused);
    isOver = outcome.status === "done";
    return outcome;
  } finally {
    turn.leave(isOver);
  }
}

/** A paused session's message comes again, or fails. */
function hold(run: Run, place: Place, until: Date): Promise<JobOutcome> | JobOutcome {
  const held = holdUntil(run.services, run.job, until);
  return "failure" in held ? giveUp(run, { ...place, ...held }) : run.telemetry.end(held, "paused");
}

async function sendInTurn(run: Run, going: Omit<Going, "pass">, refused: Refused): Promise<JobOutcome> {
  const { sending } = going.place.live;
  const pass = sending.breaker.enter();
  if ("pausedUntil" in pass) return hold(run, going.place, pass.pausedUntil);
  try {
    const result = await sendClaimed(run, { ...going, pass });
    if (result !== "paused") return result;
    refused.set(run.job.messageId, true);
    return await hold(run, going.place, sending.limits.current().pausedUntil ?? run.services.now());
  } finally {
    pass.leave();
  }
}

interface Going {
  place: Place;
  turn: Turn;
  pass: Pass;
  mayHaveArrived: boolean;
}

async function sendClaimed(run: Run, { place, turn, pass, mayHaveArrived }: Going): Promise<JobOutcome | "paused"> {
  const { services, deliveries, job, telemetry, ackTimeoutMs } = run;
  const { fence, live, socket } = place;
  const claimed = await claimFor(run, fence);
  if ("status" in claimed) return claimed;
  const failed = (failure: FailureReason) => fail(run, { fence, failure });
  const opened = await openMessage(run, claimed, live.workspaceId);
  if (!opened) return failed("unreadable");
  const chat = await telemetry.timed("lookUp", () =>
    run.numbers
      .jidOf(opened.to.slice(1), {
        workspaceId: live.workspaceId,
        sessionId: job.sessionId,
        purpose: "send",
        ask: (digits) => socket.lookUp(digits),
      })
      .catch(exhausted),
  );
  if (chat instanceof LookUpsExhausted || chat instanceof NotKnown) {
    if (Date.parse(claimed.expiresAt) <= chat.until.getTime()) return failed("lookups_exhausted");
    const seconds = Math.ceil((chat.until.getTime() - services.now().getTime()) / 1000);
    const result = chat instanceof NotKnown ? "not_known" : "lookups_exhausted";
    return telemetry.end(later(seconds, "it is not known whether the number has an account"), result);
  }
  if (chat === null) return failed("not_on_whatsapp");
  if (Date.parse(claimed.expiresAt) <= services.now().getTime()) return failed("expired");
  const isStranger = live.sending.reads.asksWhoIsNew() && !(await hasChat(run, place, chat));
  if (isStranger && !mayHaveArrived && (await live.sending.reads.refusesNewChats())) return failed("new_chats_locked");

  await turn.clear();
  const waId = whatsappId(job.messageId);
  const message = { ...opened.message, messageContextInfo: { messageSecret: services.random(32) } };
  const keepUntil = opened.isCode ? new Date(claimed.expiresAt) : new Date(services.now().getTime() + run.ledgerMs);
  const { traceparent } = telemetry;
  const isBulk = job.lane === "bulk";
  await deliveries.begin(fence, {
    messageId: job.messageId,
    waId,
    chat,
    message: encode(message),
    keepUntil,
    isBulk,
    traceparent,
  });
  const result = await transmit(place, pass, { chat, waId, message, telemetry, ackTimeoutMs });
  if (result === "paused") return "paused";
  if (result !== "sent") return failed(result);
  await deliveries.sent(fence, waId, await socket.lidOf(chat).catch(() => null));
  if (isStranger) live.sending.reads.openedChat();
  return telemetry.end(done, "sent");
}

async function hasChat({ chats }: Run, { fence, socket }: Place, chat: string): Promise<boolean> {
  return chats.knows(fence.sessionId, [chat, await socket.lidOf(chat).catch(() => null)]);
}

async function claimFor({ claim, job, telemetry }: Run, { fence }: Fence): Promise<Claimed | JobOutcome> {
  const { messageId, sessionId } = job;
  const claimed = await telemetry.timed("claim", (trace) =>
    claim({ messageId, sessionId, fence, ...(trace === undefined ? {} : { traceparent: trace }) }),
  );
  if (claimed.outcome === "busy") {
    return telemetry.end(later(Math.ceil(claimed.retryAfterMs / 1000), "claimed by another"), "busy");
  }
  if (claimed.outcome === "done") return telemetry.end(done, "not_wanted");
  telemetry.attempt = claimed.attempt;
  return claimed;
}

interface Failing {
  fence: Fence;
  failure: FailureReason;
}

/** Fails a message that is still wanted. */
async function giveUp(run: Run, failing: Failing): Promise<JobOutcome> {
  const claimed = await claimFor(run, failing.fence);
  return "status" in claimed ? claimed : fail(run, failing);
}

async function fail({ deliveries, job, telemetry }: Run, { fence, failure }: Failing): Promise<JobOutcome> {
  const { messageId } = job;
  const { traceparent } = telemetry;
  await deliveries.failed(fence, { messageId, waId: whatsappId(messageId), reason: failure, traceparent });
  return telemetry.end(done, failure);
}
