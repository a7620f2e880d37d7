import { z } from "zod";
import { EventPattern } from "../events/registry.ts";
import { SessionId, WebhookId } from "../ids.ts";
import { asSet, SigningSecret, Timestamp } from "./common.ts";
import { examples } from "./examples.ts";
import { CreatedBy } from "./keys.ts";
import { plainLine } from "./text.ts";
import { WebhookHeaders } from "./webhook-headers.ts";

const Url = z.string().max(2048).meta({
  description:
    "An https address on the public internet, without user name and password. It is shown to keys with `webhook:manage`: put secrets into `headers`.",
  example: "https://app.example.com/hooks/sandi",
});
const Events = z
  .array(EventPattern)
  .min(1)
  .max(100)
  .overwrite(asSet)
  .meta({
    description: "Which events it gets: `*` (all), families such as `message.*`, or types such as `message.failed`.",
    example: ["message.*", "session.state"],
  });
const SessionIds = z
  .array(SessionId)
  .min(1)
  .max(100)
  .overwrite(asSet)
  .meta({ description: "Only events of these sessions. Null: of all, and events without a session." });
export const webhookChatKinds = ["person", "group", "channel", "status"] as const;
const ChatKinds = z
  .array(z.enum(webhookChatKinds))
  .min(1)
  .max(webhookChatKinds.length)
  .overwrite(asSet)
  .meta({ description: "Only events of chats of these kinds. Null: of all, and events without a chat." });
const Description = plainLine(200).meta({ description: "Yours to choose; shown in lists.", example: "CRM" });
const IsOrdered = z.boolean().meta({
  description:
    "Events of one session arrive in their order: the next one is sent when the one before was delivered or has failed for good. The events of another session do not wait.",
});

export const CreateWebhook = z
  .strictObject({
    url: Url,
    events: Events,
    sessionIds: SessionIds.nullable().default(null),
    chatKinds: ChatKinds.nullable().default(null),
    headers: WebhookHeaders.default({}),
    description: Description.nullable().default(null),
    isOrdered: IsOrdered.default(false),
    isPaused: z.boolean().default(false).meta({ description: "It holds its events until you resume it." }),
  })
  .meta({ id: "CreateWebhook" });
export type CreateWebhook = z.infer<typeof CreateWebhook>;

export const ChangeWebhook = z
  .strictObject({
    url: Url.optional(),
    events: Events.optional(),
    sessionIds: SessionIds.nullable().optional(),
    chatKinds: ChatKinds.nullable().optional(),
    headers: WebhookHeaders.optional().meta({ description: "All headers: those that it had before are removed." }),
    description: Description.nullable().optional(),
    isOrdered: IsOrdered.optional().meta({ description: "For events from now on." }),
    isPaused: z.boolean().optional().meta({
      description: "A paused webhook holds its events. `false` resumes it, and they are sent.",
    }),
  })
  .refine((change) => Object.keys(change).length > 0, "must change something")
  .meta({ id: "ChangeWebhook", description: "What is left out stays. The secret changes with `rotate-secret`." });
export type ChangeWebhook = z.infer<typeof ChangeWebhook>;

export const Webhook = z
  .object({
    id: WebhookId,
    url: z.string().max(2048),
    events: z.array(z.string().max(64)).max(100),
    sessionIds: z.array(SessionId).max(100).nullable(),
    chatKinds: z.array(z.enum(webhookChatKinds)).max(webhookChatKinds.length).nullable(),
    headers: z.record(z.string().max(64), z.literal("•••")).meta({
      description: "The names of its headers. The values are not shown.",
      example: { authorization: "•••" },
    }),
    description: Description.nullable(),
    isOrdered: IsOrdered,
    isTest: z
      .boolean()
      .meta({ description: "Made with a test key: it gets the events of the sandbox, and no others." }),
    pausedAt: Timestamp.nullable(),
    pausedBecause: z.enum(["requested", "failures", "gone", "key_ended"]).nullable().meta({
      description:
        "`failures`: no attempt succeeded for 3 days. `gone`: the address answered 410. `key_ended`: the key that owns it was revoked, has expired or lost `webhook:manage`; `isPaused: false` gives the webhook to the calling key.",
    }),
    failingSince: Timestamp.nullable().meta({ description: "The first failed attempt since the last success." }),
    failuresInRow: z.int().nonnegative().max(1_000_000_000),
    previousSecretUntil: Timestamp.nullable().meta({
      description: "Until then requests are signed with the former secret, too.",
    }),
    createdBy: CreatedBy,
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .meta({ id: "Webhook", description: "An address of yours that gets events.", example: examples.webhook });
export type Webhook = z.infer<typeof Webhook>;

const secretOnce = (description: string) => z.string().max(128).nullable().meta({ description });

export const CreatedWebhook = Webhook.extend({
  secret: secretOnce(
    "What requests are signed with (Standard Webhooks), in this answer and never again. Null in a replay by `Idempotency-Key`.",
  ),
}).meta({ id: "CreatedWebhook", example: examples.createdWebhook });
export type CreatedWebhook = z.infer<typeof CreatedWebhook>;

export const RotateWebhookSecret = z
  .strictObject({
    overlapSeconds: z.int().min(0).max(604_800).default(86_400).meta({
      description: "For so long requests are signed with both secrets. 0: with the new one alone.",
    }),
    secret: SigningSecret.optional().meta({ description: "A secret of yours. Left out: Sandi makes one." }),
  })
  .meta({ id: "RotateWebhookSecret" });
export type RotateWebhookSecret = z.infer<typeof RotateWebhookSecret>;

export const RotatedWebhookSecret = z
  .object({
    id: WebhookId,
    secret: secretOnce("The new secret, in this answer and never again. Null in a replay by `Idempotency-Key`."),
    previousSecretUntil: Timestamp.nullable().meta({ description: "Until then the former secret signs, too." }),
  })
  .meta({ id: "RotatedWebhookSecret", example: examples.rotatedWebhookSecret });
export type RotatedWebhookSecret = z.infer<typeof RotatedWebhookSecret>;

export const ListWebhooks = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: WebhookId.optional().meta({ description: "`nextCursor` of the previous page." }),
});
export type ListWebhooks = z.infer<typeof ListWebhooks>;

export const WebhookList = z
  .object({
    webhooks: z.array(Webhook).max(100).meta({ description: "Oldest first." }),
    nextCursor: WebhookId.nullable().meta({ description: "Ask with it for the next page; null: there is none." }),
  })
  .meta({ id: "WebhookList" });
export type WebhookList = z.infer<typeof WebhookList>;
