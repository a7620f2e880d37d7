import type { Counter, Histogram } from "prom-client";
import { longBuckets, type Meter } from "../metrics.ts";

/** The stages of sending a message that take time. */
export type Stage = "turn" | "claim" | "lookUp" | "fetchFile" | "uploadFile" | "ack";

/** What is counted and timed of jobs. */
export interface JobMetrics {
  sends: Counter<"result">;
  sendSeconds: Histogram;
  acceptedToAckSeconds: Histogram;
  stageSeconds: Record<Stage, Histogram>;
  revokes: Counter<"result">;
  paced: Counter<"lane">;
}

/** @param running how many jobs are running now */
export function jobMetrics({ counter, gauge, histogram }: Meter, running: () => number): JobMetrics {
  gauge("sandi_jobs_underway", "Jobs that are running.", running);
  return {
    sends: counter("sandi_sends_total", "Send jobs, by result.", "result"),
    sendSeconds: histogram("sandi_send_seconds", "From a job's arrival to the server's ack."),
    acceptedToAckSeconds: histogram(
      "sandi_accepted_to_ack_seconds",
      "From the API accepting a message to the server's ack.",
      longBuckets,
    ),
    stageSeconds: {
      turn: histogram("sandi_turn_wait_seconds", "Waiting for the turn of a message that is not a code.", longBuckets),
      claim: histogram("sandi_claim_seconds", "Claiming a message at the edge."),
      lookUp: histogram("sandi_look_up_seconds", "Looking up the account of a number."),
      fetchFile: histogram(
        "sandi_file_fetch_seconds",
        "Reading a message's file at the edge, and encrypting it.",
        longBuckets,
      ),
      uploadFile: histogram("sandi_file_upload_seconds", "Uploading a file to WhatsApp's media hosts.", longBuckets),
      ack: histogram("sandi_ack_wait_seconds", "From sending a message to the server's ack."),
    },
    revokes: counter("sandi_revokes_total", "Revoke jobs, by result.", "result"),
    paced: counter("sandi_paced_total", "Messages whose turn came, by lane.", "lane"),
  };
}
