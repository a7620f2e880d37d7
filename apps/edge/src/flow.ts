import type { Pacing } from "@sandi/contracts";
import type { Job } from "./services.ts";

/**
 * The outer bound on how fast QStash brings a session's texts, in calls a minute: the connector keeps the pace itself and
 * sends away what comes before its turn, so there is room for three calls to each message.
 */
const callsPerMinute: Record<Pacing, number | undefined> = { careful: 20, normal: 60, fast: 360, off: undefined };

/** Codes are bounded by how many are under way, never by a rate. */
const codesAtOnce = 64;
const textsAtOnce = 8;

/** The headers of QStash's flow control: a key for each session and lane, so that none waits for another's. */
export function flowOf(job: Job): Record<string, string> {
  if (job.kind === "delivery") {
    return { "upstash-flow-control-key": job.flowKey, "upstash-flow-control-value": "rate=20, period=60s" };
  }
  if (job.kind !== "send") return {};
  const { sessionId, lane } = job.body;
  const rate = job.body.lane === "otp" ? undefined : callsPerMinute[job.body.pacing];
  const parallelism = `parallelism=${lane === "otp" ? codesAtOnce : textsAtOnce}`;
  return {
    "upstash-flow-control-key": `send.${lane}.${sessionId}`,
    "upstash-flow-control-value": rate === undefined ? parallelism : `${parallelism},rate=${rate},period=1m`,
  };
}
