import type { MessageLane, Pacing } from "@sandi/contracts";
import { sql } from "kysely";
import type { MessageTable } from "../db/tables/messages.ts";
import { type JobKind, republishMs } from "../jobs/kind.ts";
import { iso } from "../time.ts";
import { type MessageRow } from "./present.ts";

/** The pacing of a row of `message`, in SQL: its sender's. */
export const pacingOfRow = sql<Pacing | null>`CASE WHEN message.verification_id IS NULL THEN coalesce((SELECT pool.pacing
  FROM session JOIN pool ON pool.id = session.pool_id WHERE session.id = message.session_id), 'normal') END`;

type Send = Pick<MessageTable, "sessionId" | "expiresAt"> &
  Pick<MessageRow, "pacing"> & { lane?: MessageLane | null; queuedAt?: number | null };

const sends = {
  subject: "message",
  columns: sql`message.session_id, message.expires_at, ${pacingOfRow} AS pacing`,
  expiresAt: () => sql`message.expires_at`,
  isWanted: (at) => sql`(message.status IN ('queued', 'sending') AND message.expires_at > ${at})`,
  // A connector with a claim has until the end of the claim.
  isReady: (at) => sql`(message.status = 'queued' OR message.claim_until < ${at})`,
  toJob({ id, sessionId, expiresAt, publishCount, pacing, lane, queuedAt }) {
    const laned = pacing === null ? ({ lane: "otp" } as const) : { lane: lane ?? ("bulk" as const), pacing };
    return {
      kind: "send",
      body: { messageId: id, sessionId, expiresAt: iso(expiresAt), ...laned },
      // A message that is queued again counts its publishes anew.
      deduplicationId: queuedAt ? `${id}.${queuedAt}.${publishCount}` : `${id}.${publishCount}`,
    };
  },
  span: ({ id, sessionId }) => ({
    name: "publish message.send",
    attributes: { "sandi.message.id": id, "sandi.session.id": sessionId },
  }),
} satisfies Partial<JobKind<Send>>;

/** Sends a code. Cron publishes the job every minute until the code expires. */
export const codeJobs: JobKind<Send> = {
  ...sends,
  name: "code",
  priority: 2,
  backOff: { quickPublishes: 0, longestMs: republishMs },
};

/** Sends a message that is not a code. */
export const textJobs: JobKind<Send> = {
  ...sends,
  name: "text",
  columns: sql`${sends.columns}, message.lane, message.queued_at`,
  priority: 5,
  backOff: { quickPublishes: 4, longestMs: 3600_000 },
};

export const sendJobs = [codeJobs, textJobs] as const;

/** The connectors try to revoke a message for this long. */
export const revokeWindowMs = 600_000;

type Revocation = Pick<MessageTable, "sessionId"> & { revokeUntil: number };

/** True in SQL of a message that was sent, or is being sent, and was not read. */
export const mayArrive = sql<boolean>`message.status IN ('sending', 'sent', 'delivered')`;

/** Revokes such a message. */
export const revokeJobs: JobKind<Revocation> = {
  name: "revoke",
  priority: 3,
  subject: "message",
  columns: sql`message.session_id, job.expires_at AS revoke_until`,
  expiresAt: (at) => sql`${at + revokeWindowMs}`,
  // A message that expired, and so failed, may have been sent: its event can come late.
  isWanted: () => sql`(message.status = 'failed' OR ${mayArrive})`,
  isReady: () => mayArrive,
  backOff: { quickPublishes: 4, longestMs: 3600_000 },
  toJob: ({ id, sessionId, revokeUntil, publishCount }) => ({
    kind: "revoke",
    body: { messageId: id, sessionId, expiresAt: iso(revokeUntil) },
    deduplicationId: `${id}.revoke.${publishCount}`,
  }),
};
