import { z } from "zod";
import { EventId, PoolId, SessionId } from "../ids.ts";
import { E164, plainName, Timestamp } from "./common.ts";
import { examples } from "./examples.ts";

/**
 * What a session is doing. `stopped`: not wanted to run, or it waits for somebody to ask for a new QR code.
 * `connecting`: a socket is being opened. `pairing`: it shows QR codes. `online`: it can send.
 * `waiting`: the connection was lost and the next attempt is set. `ended`: it will not come back without a human.
 */
export const SessionState = z.enum(["stopped", "connecting", "pairing", "online", "waiting", "ended"]);
export type SessionState = z.infer<typeof SessionState>;

/** Why a session is in its state, each with the sentence that tells what to do. */
export const sessionReasons = {
  created: "The session was created and no connector has taken it yet.",
  requested: "As asked for through the API.",
  pairing_timed_out: "Nobody scanned the QR codes in time; restart the session for new ones.",
  passkey_required:
    "The account wants the link confirmed with a passkey, which linked devices like this cannot do; link another account.",
  restart_required: "WhatsApp asked for a new connection, as it does right after linking.",
  connection_lost: "The connection was lost; it is opened again by itself.",
  connection_timed_out: "WhatsApp stopped answering; the connection is opened again by itself.",
  not_answering: "WhatsApp took what was sent and answered nothing; the connection is opened again by itself.",
  server_unavailable: "WhatsApp's server refused for now; the connection is opened again by itself.",
  unexpected_answer:
    "WhatsApp's server said something that does not fit the state of the connection; it is opened again by itself.",
  login_refused:
    "WhatsApp refuses the login and gives no reason that Sandi knows; it is tried again by itself. If this stays, log the session out and link it again.",
  replaced:
    "Another client holds this linked device; check that the same credentials do not run elsewhere, then restart it.",
  logged_out: "The phone removed this linked device; restart the session and link it again.",
  banned:
    "WhatsApp has banned or restricted the account; look at the phone, and restart the session when it may go on.",
  banned_for_a_time:
    "WhatsApp has banned the account for a time; the phone shows until when. Restart the session then.",
  account_not_found:
    "WhatsApp does not find the account of this linked device; look at the phone, then restart the session or link it again.",
  version_refused:
    "WhatsApp refuses this client or its version; Sandi's operator must update it, then restart the session.",
  bad_session: "The session's keys are out of step with WhatsApp's server; link it again if this stays.",
  proxy_unreachable:
    "The session's proxy does not let it through; mend or replace the proxy, the session goes on by itself.",
  exported: "The session was moved away as a file and cannot run here any more; start it to link an account anew.",
  untrusted_server: "What answered could not prove to be WhatsApp; nothing was sent to it.",
} as const;

export type SessionReason = keyof typeof sessionReasons;
export const SessionReason = z.enum(Object.keys(sessionReasons) as [SessionReason, ...SessionReason[]]);

/** What WhatsApp lets an account do, as far as it tells; chats that exist already go on in any case. */
export const SenderLimits = z.object({
  newChatsLockedUntil: Timestamp.nullable().meta({
    description: "Until then WhatsApp lets the account open no new chats (its reach-out time-lock).",
  }),
  newChats: z
    .object({ total: z.int().nonnegative(), used: z.int().nonnegative(), resetsAt: Timestamp.nullable() })
    .nullable()
    .meta({ description: "How many new chats the account may open in this cycle, where WhatsApp caps them." }),
  pausedUntil: Timestamp.nullable().meta({
    description: "Until then Sandi sends nothing with it: WhatsApp said that it was too much (429) or forbidden (403).",
  }),
});
export type SenderLimits = z.infer<typeof SenderLimits>;

const SessionName = plainName("Yours to choose; shown in lists.", "Jakarta support line");

export const CreateSession = z
  .strictObject({
    name: SessionName,
    poolId: PoolId.optional().meta({ description: "The sender pool that it belongs to; the default one if left out." }),
  })
  .meta({ id: "CreateSession" });
export type CreateSession = z.infer<typeof CreateSession>;

export const ChangeSession = z
  .strictObject({
    name: SessionName.optional(),
    poolId: PoolId.optional().meta({ description: "The sender pool that it belongs to from now on." }),
  })
  .refine((change) => Object.keys(change).length > 0, "must change something")
  .meta({ id: "ChangeSession", description: "What is left out stays as it is." });
export type ChangeSession = z.infer<typeof ChangeSession>;

/** Where a session's proxy is; its credentials are shown to nobody. */
export const SessionProxy = z
  .object({
    scheme: z.enum(["http", "https", "socks5"]),
    host: z.string().max(255),
    port: z.int().min(1).max(65_535),
    isHealthy: z.boolean().nullable().meta({
      description: "Whether it led to WhatsApp when it was last tried; null: not tried yet.",
    }),
  })
  .meta({ id: "SessionProxy", example: examples.sessionProxy });
export type SessionProxy = z.infer<typeof SessionProxy>;

const whereabouts = {
  state: SessionState,
  reason: SessionReason.nullable().meta({ description: "Why it is in this state." }),
  detail: z.string().max(256).nullable().meta({ description: "The reason in a sentence, with what to do." }),
  attempts: z.int().nonnegative().meta({ description: "Connections lost since it was last online for a while." }),
};

export const Session = z
  .object({
    id: SessionId,
    name: z.string().max(64),
    desired: z
      .enum(["running", "stopped"])
      .meta({ description: "What you want of it; a session that was logged out is stopped." }),
    ...whereabouts,
    since: Timestamp.meta({ description: "When it came into this state." }),
    nextAttemptAt: Timestamp.nullable().meta({ description: "When a session that waits connects again." }),
    phone: E164.nullable().meta({ description: "The linked account's number, in E.164 form; null: none is linked." }),
    lastPhone: E164.nullable().meta({
      description:
        "The account that is linked or was linked last, in E.164 form; null: none was, or it was before Sandi kept this.",
    }),
    linkedAt: Timestamp.nullable().meta({
      description:
        "Since when the session has that account. The same account goes on where it was when it is linked again; another one starts without the contacts, counts, limits and warm-up of the former.",
    }),
    poolId: PoolId,
    score: z.int().min(0).max(100).meta({
      description:
        "How fit it is to send, by its state, its failures of the last hour, its limits and what waits for it.",
    }),
    limits: SenderLimits.nullable().meta({ description: "What WhatsApp lets the account do; null: not known yet." }),
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
      .meta({ description: "The text of the QR code that the phone scans under Linked devices." }),
    expiresAt: Timestamp.meta({ description: "A new one follows; ask again then." }),
  })
  .meta({ id: "SessionQr" });
export type SessionQr = z.infer<typeof SessionQr>;

export const CreatePairingCode = z
  .strictObject({
    phone: z.string().min(1).max(32).meta({
      description:
        "The number of the account to link, with `+` and country code, spelled as the WhatsApp app shows it under Settings. With another spelling, such as `+52 55…` for `+52 1 55…`, the phone does not ask for the code.",
      example: "+6281200000001",
    }),
  })
  .meta({ id: "CreatePairingCode" });

export const PairingCode = z
  .object({
    code: z
      .string()
      .length(8)
      .meta({ description: "To be typed on the phone under Linked devices.", example: "K7QX2M9P" }),
    expiresAt: Timestamp,
  })
  .meta({ id: "PairingCode" });
export type PairingCode = z.infer<typeof PairingCode>;

export const QrPageLink = z
  .object({
    url: z.url().meta({ description: "A page with the live QR code; whoever has the link can link a phone." }),
    expiresAt: Timestamp,
  })
  .meta({ id: "QrPageLink" });
export type QrPageLink = z.infer<typeof QrPageLink>;

const told = { id: EventId, at: Timestamp };
/** Something that happened to a session. */
export const SessionEvent = z
  .discriminatedUnion("type", [
    z.object({ ...told, type: z.literal("session.state"), ...whereabouts }),
    z.object({
      ...told,
      type: z.literal("session.account"),
      number: z.string().max(32).meta({ description: "The account, masked.", example: "+62812•••0001" }),
      isLinked: z.boolean().meta({ description: "True: it was linked; false: unlinked." }),
    }),
    z.object({ ...told, type: z.literal("session.limits"), limits: SenderLimits }),
    z.object({ ...told, type: z.literal("session.proxy"), proxy: SessionProxy.nullable() }),
  ])
  .meta({ id: "SessionEvent", example: examples.sessionEvent });
export type SessionEvent = z.infer<typeof SessionEvent>;

export const ListSessionEvents = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: EventId.optional().meta({ description: "`nextCursor` of the page before." }),
});

export const SessionEventList = z
  .object({
    events: z.array(SessionEvent).max(100),
    nextCursor: EventId.nullable().meta({ description: "Ask with it for the next page; null: there is none." }),
  })
  .meta({ id: "SessionEventList" });
