import type { Pacing } from "@sandi/contracts";
import type { Job } from "./services.ts";

/**
 * The maximum rate of QStash's calls for a session's messages, per minute. The connector keeps the pace and refuses jobs
 * that come early, so the rate allows three calls for each message.
 */
const callsPerMinute: Record<Pacing, number | undefined> = { careful: 20, normal: 60, fast: 360, off: undefined };

/** Codes are limited in parallel calls, never by a rate. */
const parallelCodes = 64;
const parallelMessages = 8;
/** A slow webhook endpoint holds up no more calls than these. */
const parallelDeliveries = 16;

/** The headers of QStash's flow control: a key for each session and lane, so that lanes do not wait for each other. */
export function flowOf(job: Job): Record<string, string> {
  if (job.kind === "delivery") {
    const value = job.flowKey.startsWith("whe_") ? `parallelism=${parallelDeliveries}` : "rate=20, period=60s";
    return { "upstash-flow-control-key": job.flowKey, "upstash-flow-control-value": value };
  }
  if (job.kind !== "send") return {};
  const { sessionId, lane } = job.body;
  const rate = job.body.lane === "otp" ? undefined : callsPerMinute[job.body.pacing];
  const parallelism = `parallelism=${lane === "otp" ? parallelCodes : parallelMessages}`;
  return {
    "upstash-flow-control-key": `send.${lane}.${sessionId}`,
    "upstash-flow-control-value": rate === undefined ? parallelism : `${parallelism},rate=${rate},period=1m`,
  };
}
