import { z } from "zod";
import { MessageId, SessionId, WorkspaceId } from "../ids.ts";
import { Timestamp } from "../api/common.ts";
import { MediaDownload } from "../api/message-media.ts";

/** How fast a session sends messages that are not codes. */
export const Pacing = z.enum(["careful", "normal", "fast", "off"]).meta({
  description: "How fast the senders send messages that are not codes. The pauses between them are random.",
});
export type Pacing = z.infer<typeof Pacing>;

const aboutMessage = { messageId: MessageId, sessionId: SessionId, expiresAt: Timestamp };

/** The lane of a message that is not a code. */
export const MessageLane = z.enum(["normal", "bulk"]).meta({
  description: "`normal` messages go before `bulk` ones, and codes go before both. Both keep the sender pool's pace.",
});
export type MessageLane = z.infer<typeof MessageLane>;

/**
 * `POST {connector}/jobs/send`, through QStash. It holds no text, number or code: the connector claims those at the edge.
 * Each session has three lanes: codes do not wait behind other messages, nor single messages behind bulk ones.
 */
export const SendJob = z.discriminatedUnion("lane", [
  z.strictObject({ ...aboutMessage, lane: z.literal("otp") }),
  z.strictObject({ ...aboutMessage, lane: MessageLane, pacing: Pacing }),
]);
export type SendJob = z.infer<typeof SendJob>;

/**
 * Connectors released before December 2026 know the lanes `otp` and `bulk` only, and refuse other fields. They ignore this
 * header: it has the lane of a job whose body says `bulk`.
 */
export const laneHeader = "sandi-lane";

/** The body of a job as all connectors accept it, and the headers that go with it. */
export const writtenSendJob = (job: SendJob): { body: SendJob; headers: Record<string, string> } =>
  job.lane === "normal"
    ? { body: { ...job, lane: "bulk" }, headers: { [laneHeader]: job.lane } }
    : { body: job, headers: {} };

/** The job of a body and of the header of its lane. */
export const readSendJob = (body: SendJob, lane: string | undefined): SendJob =>
  body.lane === "bulk" && lane === "normal" ? { ...body, lane } : body;

/** A job queued by an edge without lanes has no `lane`: it is sent at once. */
export const QueuedSendJob = z.preprocess(
  (job) => (typeof job === "object" && job !== null ? { lane: "otp", ...job } : job),
  SendJob,
);

/**
 * `POST {connector}/jobs/revoke`, through QStash: revoke a sent message for everyone, unless it was read. The connector
 * knows the chat from its own ledger; for a message that it does not know, or that failed, it does nothing.
 */
export const RevokeJob = z.strictObject(aboutMessage);
export type RevokeJob = z.infer<typeof RevokeJob>;

/** The desired state of a session, which the customer sets. */
export const DesiredState = z.enum(["running", "stopped", "logged_out", "deleted"]);
export type DesiredState = z.infer<typeof DesiredState>;

/**
 * `POST {connector}/jobs/session`, through QStash. A revision that is not newer than the known one changes nothing;
 * a newer one with `running` restarts a session that runs.
 */
export const SessionJob = z.strictObject({
  sessionId: SessionId,
  workspaceId: WorkspaceId,
  desired: DesiredState,
  revision: z.int().positive(),
  /** JWE to the connector's sealing key of a `ProxySetting`; null for none. */
  proxy: z.string().max(4096).nullable(),
});
export type SessionJob = z.infer<typeof SessionJob>;

/** A job from an edge without proxies has no `proxy`: the session keeps its own. */
export const QueuedSessionJob = SessionJob.partial({ proxy: true });
export type QueuedSessionJob = z.infer<typeof QueuedSessionJob>;

/**
 * The session's setting `mediaDownload`, in a header: connectors released before December 2026 refuse other fields of the
 * job. Without it, the session keeps its setting.
 */
export const mediaDownloadHeader = "sandi-media-download";

/** The setting in the header of a session job; undefined without one. */
export const readMediaDownload = (header: string | undefined): MediaDownload | undefined =>
  MediaDownload.safeParse(header).data;

/** The proxy through which a session reaches WhatsApp, with its credentials in the URL. */
export const ProxySetting = z.strictObject({ url: z.string().max(1024) });
export type ProxySetting = z.infer<typeof ProxySetting>;

/** Where QStash delivers, below the connector's URL. */
export const jobPaths = { send: "/jobs/send", revoke: "/jobs/revoke", session: "/jobs/session" } as const;
