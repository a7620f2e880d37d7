import { z } from "zod";
import { ChatId, EventId, PoolId, SessionId } from "../ids.ts";
import { E164, plainName, Timestamp } from "./common.ts";
import { examples } from "./examples.ts";
import { MediaDownload } from "./message-media.ts";

/**
 * The state of a session. `stopped`: it should not run, or it waits for a restart to show new QR codes.
 * `connecting`: a socket is being opened. `pairing`: it shows QR codes. `online`: it can send.
 * `waiting`: the connection was lost and the next attempt is scheduled. `ended`: it does not reconnect without a human.
 */
export const SessionState = z.enum(["stopped", "connecting", "pairing", "online", "waiting", "ended"]);
export type SessionState = z.infer<typeof SessionState>;

/** Why a session is in its state. Each reason has a sentence that says what to do. */
export const sessionReasons = {
  created: "The session was created and no connector has taken it yet.",
  requested: "The API requested it.",
  pairing_timed_out: "The QR codes were not scanned in time; restart the session for new ones.",
  passkey_required:
    "The account requires a passkey to link a device, which Sandi does not support; link another account.",
  restart_required: "WhatsApp asked for a new connection, as it does right after linking.",
  connection_lost: "The connection was lost; the session reconnects by itself.",
  connection_timed_out: "WhatsApp stopped answering; the session reconnects by itself.",
  not_answering: "WhatsApp received messages but acknowledged none; the session reconnects by itself.",
  server_unavailable: "WhatsApp's server is not available; the session reconnects by itself.",
  unexpected_answer:
    "WhatsApp's server sent an answer that does not fit the state of the connection; the session reconnects by itself.",
  login_refused:
    "WhatsApp refuses the login without a reason that Sandi knows; the session retries by itself. If this does not end, log the session out and link it again.",
  replaced:
    "Another client uses this linked device; check that the same credentials do not run elsewhere, then restart the session.",
  logged_out: "The phone removed this linked device; restart the session and link it again.",
  banned:
    "WhatsApp has banned or restricted the account; look at the phone, and restart the session when the account is free.",
  banned_for_a_time:
    "WhatsApp has banned the account for a time; the phone shows the end. Restart the session after that.",
  account_not_found:
    "WhatsApp does not know the account of this linked device; look at the phone, then restart the session or link it again.",
  version_refused:
    "WhatsApp refuses this client or its version; Sandi's operator must update it, then restart the session.",
  bad_session:
    "The session's keys do not match those of WhatsApp's server; if this does not end, link the session again.",
  proxy_unreachable:
    "The session cannot connect through its proxy. Fix or replace the proxy; the session then reconnects by itself.",
  exported: "The session was exported to a file and cannot run here any more; start it to link an account again.",
  untrusted_server: "The server could not prove that it is WhatsApp; nothing was sent to it.",
} as const;

export type SessionReason = keyof typeof sessionReasons;
export const SessionReason = z.enum(Object.keys(sessionReasons) as [SessionReason, ...SessionReason[]]);

/** The limits that WhatsApp reports for an account. They do not apply to existing chats. */
export const SenderLimits = z.object({
  newChatsLockedUntil: Timestamp.nullable().meta({
    description: "Until this time the account may open no new chats (WhatsApp's reach-out time-lock).",
  }),
  newChats: z
    .object({ total: z.int().nonnegative(), used: z.int().nonnegative(), resetsAt: Timestamp.nullable() })
    .nullable()
    .meta({ description: "How many new chats the account may open in this cycle; null: WhatsApp sets no cap." }),
  pausedUntil: Timestamp.nullable().meta({
    description:
      "Until this time Sandi sends nothing with the account, because WhatsApp answered 429 (too many) or 403 (forbidden).",
  }),
});
export type SenderLimits = z.infer<typeof SenderLimits>;

const SessionName = plainName("Yours to choose; shown in lists.", "Jakarta support line");

export const CreateSession = z
  .strictObject({
    name: SessionName,
    poolId: PoolId.optional().meta({ description: "The sender pool of the session. Default: the default pool." }),
  })
  .meta({ id: "CreateSession" });
export type CreateSession = z.infer<typeof CreateSession>;

export const ChangeSession = z
  .strictObject({
    name: SessionName.optional(),
    poolId: PoolId.optional().meta({ description: "The new sender pool of the session." }),
    settings: z
      .strictObject({ mediaDownload: MediaDownload.optional() })
      .refine((settings) => Object.keys(settings).length > 0, "must change something")
      .optional()
      .meta({ description: "Settings that are left out do not change." }),
  })
  .refine((change) => Object.keys(change).length > 0, "must change something")
  .meta({ id: "ChangeSession", description: "Fields that are left out do not change." });
export type ChangeSession = z.infer<typeof ChangeSession>;

/** The address of a session's proxy. Its credentials are never shown. */
export const SessionProxy = z
  .object({
    scheme: z.enum(["http", "https", "socks5"]),
    host: z.string().max(255),
    port: z.int().min(1).max(65_535),
    isHealthy: z.boolean().nullable().meta({
      description: "Whether the last connection through it reached WhatsApp; null: not tried yet.",
    }),
  })
  .meta({ id: "SessionProxy", example: examples.sessionProxy });
export type SessionProxy = z.infer<typeof SessionProxy>;

const stateFields = {
  state: SessionState,
  reason: SessionReason.nullable().meta({ description: "Why the session is in this state." }),
  detail: z.string().max(256).nullable().meta({ description: "The reason as a sentence, with what to do." }),
  attempts: z
    .int()
    .nonnegative()
    .meta({ description: "Connections lost since the session was last online for a while." }),
};

export const Session = z
  .object({
    id: SessionId,
    name: z.string().max(64),
    desired: z
      .enum(["running", "stopped"])
      .meta({ description: "The desired state. A session that was logged out is `stopped`." }),
    ...stateFields,
    since: Timestamp.meta({ description: "Since when the session is in this state." }),
    nextAttemptAt: Timestamp.nullable().meta({ description: "When a waiting session connects again." }),
    phone: E164.nullable().meta({
      description: "The linked account's number, in E.164 form; null: no account is linked.",
    }),
    lastPhone: E164.nullable().meta({
      description:
        "The number of the account that is linked or was linked last, in E.164 form; null: no account is known.",
    }),
    linkedAt: Timestamp.nullable().meta({
      description:
        "Since when the session has that account. If the same account is linked again, it keeps its contacts, counts, limits and warm-up. Another account starts without them.",
    }),
    poolId: PoolId,
    settings: z.object({ mediaDownload: MediaDownload }),
    score: z.int().min(0).max(100).meta({
      description:
        "How well the session can send: from its state, its failures of the last hour, its limits and its queue.",
    }),
    limits: SenderLimits.nullable().meta({
      description: "The limits that WhatsApp reports for the account; null: not known yet.",
    }),
    proxy: SessionProxy.nullable(),
    updatedAt: Timestamp,
  })
  .meta({
    id: "Session",
    description: "One WhatsApp account, linked to Sandi as a device.",
    example: examples.session,
  });
export type Session = z.infer<typeof Session>;

export const SessionList = z.object({ sessions: z.array(Session).max(1000) }).meta({ id: "SessionList" });

export const SessionQr = z
  .object({
    qr: z
      .string()
      .max(4096)
      .meta({ description: "The text of the QR code to scan on the phone under Linked devices." }),
    expiresAt: Timestamp.meta({ description: "After this time there is a new code; repeat the request then." }),
  })
  .meta({ id: "SessionQr" });
export type SessionQr = z.infer<typeof SessionQr>;

export const CreatePairingCode = z
  .strictObject({
    phone: z.string().min(1).max(32).meta({
      description:
        "The number of the account to link, with `+` and country code, written as the WhatsApp app shows it under Settings. With another spelling, such as `+52 55…` for `+52 1 55…`, the phone does not ask for the code.",
      example: "+6281200000001",
    }),
  })
  .meta({ id: "CreatePairingCode" });

export const PairingCode = z
  .object({
    code: z
      .string()
      .length(8)
      .meta({ description: "The code to type on the phone under Linked devices.", example: "K7QX2M9P" }),
    expiresAt: Timestamp,
  })
  .meta({ id: "PairingCode" });
export type PairingCode = z.infer<typeof PairingCode>;

export const QrPageLink = z
  .object({
    url: z.url().meta({ description: "A page with the live QR code. Anyone who has the link can link a phone." }),
    expiresAt: Timestamp,
  })
  .meta({ id: "QrPageLink" });
export type QrPageLink = z.infer<typeof QrPageLink>;

const eventFields = { id: EventId, at: Timestamp };
/** An event of a session. */
export const SessionEvent = z
  .discriminatedUnion("type", [
    z.object({ ...eventFields, type: z.literal("session.state"), ...stateFields }),
    z.object({
      ...eventFields,
      type: z.literal("session.account"),
      number: z.string().max(32).meta({ description: "The account, masked.", example: "+62812•••0001" }),
      isLinked: z.boolean().meta({ description: "Whether the account was linked (true) or unlinked (false)." }),
    }),
    z.object({ ...eventFields, type: z.literal("session.limits"), limits: SenderLimits }),
    z.object({ ...eventFields, type: z.literal("session.proxy"), proxy: SessionProxy.nullable() }),
    z.object({
      ...eventFields,
      type: z.literal("chat.merged"),
      chatId: ChatId.meta({ description: "The chat that has all messages now." }),
      mergedIds: z.array(ChatId).max(20).meta({ description: "Its other ids. They still lead to it." }),
    }),
  ])
  .meta({ id: "SessionEvent", example: examples.sessionEvent });
export type SessionEvent = z.infer<typeof SessionEvent>;

export const ListSessionEvents = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: EventId.optional().meta({ description: "`nextCursor` of the previous page." }),
});

export const SessionEventList = z
  .object({
    events: z.array(SessionEvent).max(100),
    nextCursor: EventId.nullable().meta({ description: "The `cursor` of the next page; null on the last page." }),
  })
  .meta({ id: "SessionEventList" });
