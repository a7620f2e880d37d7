import type { ClaimResult, FailureReason, SendJob } from "@sandi/contracts";
import type { TraceContext } from "@sandi/tracing";
import { LRUCache } from "lru-cache";
import { secondsUntil } from "../baileys/no-answer.ts";
import { isOfTwo } from "../content/jids.ts";
import { whatsappId } from "../content/whatsapp-ids.ts";
import { rank } from "../store/ledger.ts";
import { type Fence, LeaseLost } from "../store/fence.ts";
import { startTelemetry } from "./send-telemetry.ts";
import { createAlbums } from "./albums.ts";
import { LookUpsExhausted } from "../numbers/look-up-budget.ts";
import { NotKnown } from "../numbers/numbers.ts";
import { done, type JobOutcome, later, sharedRuns } from "./outcome.ts";
import { findDestination } from "./destination.ts";
import { openMessage } from "./open-message.ts";
import { type OnlineSession, resolveSession } from "./resolve-session.ts";
import type { Run, SendAttempt, SendContext } from "./run.ts";
import { sendTo } from "./send-to.ts";
import { retryAfterPause, retryAt } from "./transmit.ts";

type Claimed = Extract<ClaimResult, { outcome: "claimed" }>;

/** Messages that WhatsApp refused for now. No recipient has them. */
type Refused = LRUCache<string, true>;

/**
 * Makes the function that sends one message. Its outcome is `done` only when the result is stored. Two deliveries of the
 * same job share one run. A message keeps its WhatsApp id over all attempts, so that its recipient sees it once.
 */
export function createSender(context: SendContext): (job: SendJob, trace?: TraceContext) => Promise<JobOutcome> {
  const albums = createAlbums(context.services, context.ackTimeoutMs);
  const refused: Refused = new LRUCache({ max: 10_000 });
  return sharedRuns((job, trace?: TraceContext) => {
    const telemetry = startTelemetry(context, job, trace);
    return send({ ...context, albums, job, telemetry, hasFailedHere: false }, refused).catch((error: unknown) => {
      if (error instanceof LeaseLost) context.find(job.sessionId)?.lose();
      return telemetry.end(later(secondsUntil(error), "the attempt failed"), "later", error);
    });
  });
}

async function send(run: Run, refused: Refused): Promise<JobOutcome> {
  const { services, deliveries, job, telemetry } = run;
  if (Date.parse(job.expiresAt) <= services.now().getTime()) return telemetry.end(done, "expired");
  const session = await resolveSession(run, job.sessionId);
  if ("status" in session) return telemetry.end(session, "not_ready");
  const entry = await deliveries.find(job.messageId);
  // It failed here or in another session of the pool. If the edge gives it again, it is a new message.
  const known = entry?.rank === rank.failed ? null : entry;
  if (known && known.rank >= rank.sent) return telemetry.end(done, "known");
  run.hasFailedHere = entry?.rank === rank.failed && entry.sessionId === job.sessionId;
  // The edge may give a message that failed here as long as it does not know that.
  if (entry && run.hasFailedHere && !(await deliveries.isReported(entry))) {
    return telemetry.end(later(2, "the edge does not know yet that it failed"), "known");
  }
  if ("failure" in session) return giveUp(run, session);

  const { sending } = session.live;
  await sending.limits.ready;
  const { pausedUntil } = sending.limits.current();
  if (pausedUntil) return defer(run, session, pausedUntil);
  const { pacer } = sending;
  const turn = job.lane === "otp" ? pacer.code() : await telemetry.timed("turn", () => pacer.paced(job.messageId, job));
  if ("retryAt" in turn) return telemetry.end(retryAt(services, turn.retryAt), "paced");
  run.metrics.paced.inc({ lane: job.lane });
  let isOver = false;
  try {
    // An attempt without an ack may have reached the recipient. A repetition under the same id finds out.
    const mayHaveArrived = known !== null && !refused.has(job.messageId);
    const outcome = await sendInTurn(run, { session, turn, mayHaveArrived }, refused);
    isOver = outcome.status === "done";
    return outcome;
  } finally {
    turn.leave(isOver);
  }
}

/** Retries the message after the pause of its session, or fails it. */
function defer(run: Run, { fence }: OnlineSession, until: Date): Promise<JobOutcome> | JobOutcome {
  const deferred = retryAfterPause(run.services, run.job, until);
  return "failure" in deferred ? giveUp(run, { fence, ...deferred }) : run.telemetry.end(deferred, "paused");
}

async function sendInTurn(run: Run, attempt: Omit<SendAttempt, "permit">, refused: Refused): Promise<JobOutcome> {
  const { session } = attempt;
  const { breaker, limits } = session.live.sending;
  const permit = breaker.enter();
  if ("pausedUntil" in permit) return defer(run, session, permit.pausedUntil);
  try {
    const result = await sendClaimed(run, { ...attempt, permit });
    if (result !== "paused") return result;
    refused.set(run.job.messageId, true);
    return await defer(run, session, limits.current().pausedUntil ?? run.services.now());
  } finally {
    permit.leave();
  }
}

async function sendClaimed(
  run: Run,
  { session, turn, permit, mayHaveArrived }: SendAttempt,
): Promise<JobOutcome | "paused"> {
  const { services, telemetry } = run;
  const { fence, live } = session;
  const claimed = await claimFor(run, fence);
  if ("status" in claimed) return claimed;
  const failed = (failure: FailureReason) => fail(run, { fence, failure });
  const opened = await openMessage(run, claimed, live.workspaceId);
  if (!opened) return failed("unreadable");
  const destination = await telemetry.timed("lookUp", () => findDestination(run, session, opened));
  if (destination instanceof LookUpsExhausted || destination instanceof NotKnown) {
    if (Date.parse(claimed.expiresAt) <= destination.until.getTime()) return failed("lookups_exhausted");
    const seconds = Math.ceil((destination.until.getTime() - services.now().getTime()) / 1000);
    const result = destination instanceof NotKnown ? "not_known" : "lookups_exhausted";
    return telemetry.end(later(seconds, "it is not known whether the number has an account"), result);
  }
  if ("failure" in destination) return failed(destination.failure);
  if (Date.parse(claimed.expiresAt) <= services.now().getTime()) return failed("expired");
  const { chat } = destination;
  const mayBeStranger = isOfTwo(chat) && live.sending.reads.asksWhoIsNew();
  const isStranger = mayBeStranger && !(await hasChat(run, session, chat));
  if (isStranger && !mayHaveArrived && (await live.sending.reads.refusesNewChats())) return failed("new_chats_locked");

  const { expiresAt } = claimed;
  const result = await sendTo(run, { session, turn, permit, mayHaveArrived, opened, expiresAt, destination });
  if (result === "paused") return "paused";
  if (result !== "sent") return failed(result);
  if (isStranger) live.sending.reads.openedChat();
  return telemetry.end(done, "sent");
}

async function hasChat({ chats }: Run, { fence, socket }: OnlineSession, chat: string): Promise<boolean> {
  return chats.knows(fence.sessionId, [chat, await socket.otherJidOf(chat).catch(() => null)]);
}

async function claimFor(run: Run, fence: Fence): Promise<Claimed | JobOutcome> {
  const { claim, deliveries, job, telemetry } = run;
  const { messageId, sessionId } = job;
  const claimed = await telemetry.timed("claim", (trace) =>
    claim({ messageId, sessionId, fence: fence.fence, ...(trace === undefined ? {} : { traceparent: trace }) }),
  );
  if (claimed.outcome === "busy") {
    return telemetry.end(later(Math.ceil(claimed.retryAfterMs / 1000), "another run claimed the message"), "busy");
  }
  if (claimed.outcome === "done") return telemetry.end(done, "not_wanted");
  telemetry.attempt = claimed.attempt;
  if (run.hasFailedHere) await deliveries.reopen(fence, whatsappId(messageId));
  return claimed;
}

interface FailedMessage {
  fence: Fence;
  failure: FailureReason;
}

/** Fails a message, unless it was canceled or has expired meanwhile. */
async function giveUp(run: Run, failed: FailedMessage): Promise<JobOutcome> {
  const claimed = await claimFor(run, failed.fence);
  return "status" in claimed ? claimed : fail(run, failed);
}

async function fail({ deliveries, job, telemetry }: Run, { fence, failure }: FailedMessage): Promise<JobOutcome> {
  const { messageId, lane } = job;
  const { traceparent } = telemetry;
  const isInChat = lane !== "otp";
  await deliveries.failed(fence, { messageId, waId: whatsappId(messageId), reason: failure, traceparent, isInChat });
  return telemetry.end(done, failure);
}
