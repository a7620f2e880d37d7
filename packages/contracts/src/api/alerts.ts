import { z } from "zod";
import { AlertChannelId, DeliveryId, IncidentId, SessionId, WebhookId } from "../ids.ts";
import { asSet, plainName, SigningSecret, Timestamp } from "./common.ts";
import { CreatedBy } from "./keys.ts";
import { examples } from "./examples.ts";

/** The kinds of incidents, each with a sentence that explains it. */
export const incidentKinds = {
  needs_action: "A session does not come back without a human.",
  offline: "A session is not connected.",
  limited: "WhatsApp limits what the account may send.",
  proxy_unreachable: "The session's proxy does not work.",
  queue_stuck: "Messages wait too long although the session is online.",
  failures_high: "Half or more of a session's latest messages failed.",
  connector_silent: "No connector follows the desired state of a session.",
  channel_paused: "An alert channel failed 20 times in a row, or its API key ended. It is paused.",
  webhook_paused:
    "A webhook failed for three days, answered 410, or its API key ended. It is paused and keeps its events.",
} as const;

export type IncidentKind = keyof typeof incidentKinds;
export const IncidentKind = z
  .enum(Object.keys(incidentKinds) as [IncidentKind, ...IncidentKind[]])
  .meta({ description: "What is wrong.", example: "offline" });

const Name = plainName("Yours to choose; shown in lists.", "On call");
const AfterSeconds = z.int().min(0).max(86_400).meta({
  description: "How many seconds a session or its proxy may be away before the channel reports it.",
  example: 60,
});
const MutedKinds = z
  .array(IncidentKind)
  .max(9)
  .overwrite(asSet)
  .meta({ description: "Kinds of incidents that this channel does not report.", example: ["limited"] });
const TargetUrl = z.string().max(2048).meta({
  description: "An https address on the public internet.",
  example: "https://hooks.example.com/services/T1/B1/x",
});

const BotToken = z
  .string()
  .regex(/^[0-9]{6,16}:[A-Za-z0-9_-]{30,64}$/, "must be a bot's token as BotFather gives it")
  .meta({ description: "As BotFather gives it; never shown again." });
const ChatId = z
  .string()
  .regex(/^(?:-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{4,31})$/, "must be a chat's number or @channel")
  .meta({ description: "A chat's number, or a channel's name.", example: "-1001234567890" });

const settings = { name: Name, afterSeconds: AfterSeconds.default(60), mutedKinds: MutedKinds.default([]) };

export const CreateAlertChannel = z
  .discriminatedUnion("kind", [
    z.strictObject({ ...settings, kind: z.literal("telegram"), botToken: BotToken, chatId: ChatId }),
    z.strictObject({ ...settings, kind: z.literal("slack"), url: TargetUrl }),
    z.strictObject({ ...settings, kind: z.literal("webhook"), url: TargetUrl }),
  ])
  .meta({ id: "CreateAlertChannel" });
export type CreateAlertChannel = z.infer<typeof CreateAlertChannel>;

export const ChangeAlertChannel = z
  .strictObject({
    name: Name.optional(),
    afterSeconds: AfterSeconds.optional(),
    mutedKinds: MutedKinds.optional(),
    isPaused: z.boolean().optional().meta({ description: "A paused channel reports nothing. `false` resumes it." }),
    botToken: BotToken.optional().meta({ description: "Of a Telegram channel: another bot's, or a new one." }),
    chatId: ChatId.optional().meta({ description: "Of a Telegram channel: another chat." }),
    url: TargetUrl.optional().meta({ description: "Of a Slack-compatible or plain webhook: another address." }),
    secret: SigningSecret.optional().meta({
      description: "Of a plain webhook: a new secret of yours. For 24 hours calls are signed with the one before, too.",
    }),
  })
  .refine((change) => Object.keys(change).length > 0, "must change something")
  .meta({ id: "ChangeAlertChannel", description: "What is left out stays. The kind does not change." });
export type ChangeAlertChannel = z.infer<typeof ChangeAlertChannel>;

export const AlertChannel = z
  .object({
    id: AlertChannelId,
    kind: z.enum(["telegram", "slack", "webhook"]),
    name: Name,
    target: z.string().max(300).meta({ description: "Where it goes, masked." }),
    afterSeconds: AfterSeconds,
    mutedKinds: MutedKinds,
    pausedAt: Timestamp.nullable(),
    pausedBecause: z.enum(["requested", "failures", "gone", "key_ended"]).nullable().meta({
      description:
        "`failures`: 20 in a row. Repair the target and set `isPaused` to false. `key_ended`: the channel's key was revoked, has expired or lost `webhook:manage`. `isPaused: false` gives the channel to the calling key.",
    }),
    createdBy: CreatedBy,
    failuresInRow: z.int().nonnegative().max(1_000_000),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .meta({
    id: "AlertChannel",
    description: "Where a workspace gets reports of incidents.",
    example: examples.alertChannel,
  });
export type AlertChannel = z.infer<typeof AlertChannel>;

export const CreatedAlertChannel = AlertChannel.extend({
  secret: z.string().max(128).nullable().meta({
    description:
      "Of a plain webhook: what its calls are signed with (Standard Webhooks), in this answer and never again. Null otherwise, and in a replay by `Idempotency-Key`.",
  }),
}).meta({ id: "CreatedAlertChannel", example: examples.createdAlertChannel });
export type CreatedAlertChannel = z.infer<typeof CreatedAlertChannel>;

export const AlertChannelList = z
  .object({ channels: z.array(AlertChannel).max(100).meta({ description: "All of them, oldest first." }) })
  .meta({ id: "AlertChannelList" });

export const Incident = z
  .object({
    id: IncidentId,
    kind: IncidentKind,
    sessionId: SessionId.nullable(),
    channelId: AlertChannelId.nullable().meta({ description: "Of `channel_paused`." }),
    webhookId: WebhookId.nullable().meta({ description: "Of `webhook_paused`." }),
    reason: z.string().max(64).nullable().meta({ description: "Why, in one word." }),
    detail: z.string().max(512).meta({ description: "What it is, and what to do." }),
    openedAt: Timestamp.meta({ description: "When it first happened." }),
    since: Timestamp.meta({
      description: "When it last began. An incident that begins again within ten minutes is the same one.",
    }),
    closedAt: Timestamp.nullable(),
    ending: z.enum(["recovered", "superseded", "withdrawn"]).nullable().meta({
      description:
        "`recovered`: the session works again. `superseded`: a worse incident replaced it. `withdrawn`: the session was stopped or deleted, or its proxy was removed.",
    }),
    times: z.int().positive().max(1_000_000_000).meta({ description: "How often it began." }),
  })
  .meta({
    id: "Incident",
    description: "Something that was wrong, from its beginning to its end.",
    example: examples.incident,
  });
export type Incident = z.infer<typeof Incident>;

export const ListIncidents = z.object({
  state: z.enum(["open", "closed"]).optional().meta({ description: "Only those that are open, or closed." }),
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: IncidentId.optional().meta({ description: "`nextCursor` of the page before." }),
});
export type ListIncidents = z.infer<typeof ListIncidents>;

export const IncidentList = z
  .object({
    incidents: z.array(Incident).max(100),
    nextCursor: IncidentId.nullable().meta({ description: "Ask with it for the next page; null: there is none." }),
  })
  .meta({ id: "IncidentList" });

/** Why a delivery did not succeed. */
export const deliveryErrors = [
  "refused",
  "rate_limited",
  "server_error",
  "redirected",
  "timed_out",
  "unreachable",
  "not_allowed",
  "not_sendable",
  "expired",
] as const;
export type DeliveryError = (typeof deliveryErrors)[number];

export const AlertDelivery = z
  .object({
    id: DeliveryId,
    incidentId: IncidentId.nullable().meta({ description: "Null for a test, and for a digest of many." }),
    notification: z.enum(["opened", "reopened", "closed", "test"]).meta({ description: "What it reports." }),
    incidents: z.int().nonnegative().max(100_000).meta({ description: "How many incidents it reports." }),
    status: z.enum(["queued", "delivered", "failed"]),
    attempts: z.int().nonnegative().max(1_000_000),
    lastStatus: z.int().min(100).max(599).nullable().meta({ description: "What the target answered last." }),
    error: z.enum(deliveryErrors).nullable().meta({ description: "What went wrong last." }),
    createdAt: Timestamp,
    deliveredAt: Timestamp.nullable(),
  })
  .meta({ id: "AlertDelivery", description: "One message to one channel.", example: examples.alertDelivery });
export type AlertDelivery = z.infer<typeof AlertDelivery>;

export const AlertTest = AlertDelivery.extend({
  answer: z.string().max(200).nullable().meta({
    description: "What Telegram or Slack said of a refusal. Null: nothing, or it is an address of your own.",
  }),
}).meta({ id: "AlertTest", description: "A test, and what the target answered.", example: examples.alertTest });
export type AlertTest = z.infer<typeof AlertTest>;

export const ListAlertDeliveries = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: DeliveryId.optional().meta({ description: "`nextCursor` of the page before." }),
});
export type ListAlertDeliveries = z.infer<typeof ListAlertDeliveries>;

export const AlertDeliveryList = z
  .object({
    deliveries: z.array(AlertDelivery).max(100),
    nextCursor: DeliveryId.nullable().meta({ description: "Ask with it for the next page; null: there is none." }),
  })
  .meta({ id: "AlertDeliveryList" });
