import { z } from "zod";
import { EventType } from "../events/registry.ts";
import { DeliveryId, EventId, ReplayId, WebhookId } from "../ids.ts";
import { deliveryErrors } from "./alerts.ts";
import { asSet, Timestamp } from "./common.ts";
import { examples } from "./examples.ts";

/** Bytes of an answer that are stored and shown. */
export const keptAnswerBytes = 4096;

const ReportedType = z
  .string()
  .max(64)
  .meta({ description: "The type of the event, or `test`.", example: "message.failed" });
const HttpStatus = z.int().min(100).max(599).nullable();
const DeliveryError = z.enum(deliveryErrors).nullable();
const Answer = z.string().max(keptAnswerBytes).nullable().meta({
  description: "The first 4 KB of the answer's body. Null: it was empty, or no answer came.",
});
const durationMs = z
  .int()
  .min(0)
  .max(2 ** 31 - 1)
  .meta({ description: "Milliseconds until the answer, or until the attempt was given up.", format: "int32" });

const delivery = {
  id: DeliveryId,
  eventId: EventId.nullable().meta({ description: "Requests have it as `webhook-id`. Null for a test." }),
  type: ReportedType,
  status: z.enum(["queued", "delivered", "failed"]).meta({
    description:
      "`queued`: it waits for its next attempt, its turn, or the end of a pause. `failed`: no attempt is left.",
  }),
  attempts: z.int().nonnegative().max(1_000_000),
  lastStatus: HttpStatus.meta({ description: "What the address answered last." }),
  error: DeliveryError.meta({
    description:
      "What went wrong last. `not_sendable`: Sandi could not make the request, which does not count against the webhook.",
  }),
  isReplay: z.boolean().meta({
    description: "Repeated by hand or by a replay: requests have the header `webhook-replay: true`.",
  }),
  nextAttemptAt: Timestamp.nullable().meta({ description: "When it is sent again. Null: now, or never." }),
  createdAt: Timestamp,
  deliveredAt: Timestamp.nullable(),
};

export const WebhookDelivery = z.object(delivery).meta({
  id: "WebhookDelivery",
  description: "One event on its way to one webhook.",
  example: examples.webhookDelivery,
});
export type WebhookDelivery = z.infer<typeof WebhookDelivery>;

export const WebhookAttempt = z
  .object({
    number: z.int().positive().max(1_000_000),
    at: Timestamp,
    durationMs,
    status: HttpStatus.meta({ description: "What the address answered. Null: nothing." }),
    error: DeliveryError,
    answer: Answer,
  })
  .meta({ id: "WebhookAttempt", description: "One request." });
export type WebhookAttempt = z.infer<typeof WebhookAttempt>;

export const WebhookDeliveryDetail = WebhookDelivery.extend({
  log: z.array(WebhookAttempt).max(100).meta({ description: "The newest 100 attempts, newest first." }),
}).meta({ id: "WebhookDeliveryDetail", example: examples.webhookDeliveryDetail });
export type WebhookDeliveryDetail = z.infer<typeof WebhookDeliveryDetail>;

export const WebhookTest = z
  .object({
    id: DeliveryId,
    status: z.enum(["delivered", "failed"]),
    lastStatus: HttpStatus.meta({ description: "What the address answered. Null: nothing." }),
    error: DeliveryError,
    durationMs,
    answer: Answer,
  })
  .meta({ id: "WebhookTest", description: "A test, and what the address answered.", example: examples.webhookTest });
export type WebhookTest = z.infer<typeof WebhookTest>;

const range = {
  createdAfter: Timestamp.optional().meta({ description: "Stored later than this." }),
  createdBefore: Timestamp.optional().meta({ description: "Stored earlier than this." }),
};

export const ListWebhookDeliveries = z.object({
  status: z
    .enum(["queued", "delivered", "failed"])
    .optional()
    .meta({ description: "Only deliveries with this status." }),
  type: ReportedType.optional().meta({ description: "Only events of this type, as the webhook sees it." }),
  eventId: EventId.optional().meta({ description: "Only deliveries of this event." }),
  ...range,
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: DeliveryId.optional().meta({ description: "`nextCursor` of the previous page." }),
});
export type ListWebhookDeliveries = z.infer<typeof ListWebhookDeliveries>;

export const WebhookDeliveryList = z
  .object({
    deliveries: z.array(WebhookDelivery).max(100),
    nextCursor: DeliveryId.nullable().meta({
      description:
        "The `cursor` of the next page; null on the last page. A page looks at 5,000 deliveries at most: with a filter that few match, it may have fewer items than `limit`, or none, and still a next page.",
    }),
  })
  .meta({ id: "WebhookDeliveryList" });
export type WebhookDeliveryList = z.infer<typeof WebhookDeliveryList>;

export const ClearWebhookDeliveries = z.object({
  createdBefore: Timestamp.meta({ description: "Deliveries that were stored earlier than this." }),
});

export const ClearedWebhookDeliveries = z
  .object({
    deleted: z.int().nonnegative().max(1_000_000),
    hasMore: z.boolean().meta({ description: "More are left than one call deletes: repeat it." }),
  })
  .meta({ id: "ClearedWebhookDeliveries", example: { deleted: 120, hasMore: false } });
export type ClearedWebhookDeliveries = z.infer<typeof ClearedWebhookDeliveries>;

export const CreateWebhookReplay = z
  .strictObject({
    createdAfter: Timestamp.meta({ description: "Events that happened at this time or later." }),
    createdBefore: Timestamp.meta({ description: "Events that happened earlier than this." }),
    types: z
      .array(EventType)
      .min(1)
      .max(100)
      .overwrite(asSet)
      .optional()
      .meta({
        description: "Only these types, of those that the webhook subscribes to.",
        example: ["message.received"],
      }),
    status: z.literal("failed").optional().meta({ description: "Only events whose delivery has failed." }),
  })
  .refine(({ createdAfter, createdBefore }) => !(Date.parse(createdAfter) >= Date.parse(createdBefore)), {
    path: ["createdBefore"],
    error: "must be later than `createdAfter`",
  })
  .meta({ id: "CreateWebhookReplay" });
export type CreateWebhookReplay = z.infer<typeof CreateWebhookReplay>;

export const WebhookReplay = z
  .object({
    id: ReplayId,
    webhookId: WebhookId,
    state: z.enum(["running", "finished"]),
    createdAfter: Timestamp,
    createdBefore: Timestamp,
    types: z.array(EventType).max(100).nullable(),
    status: z.enum(["failed"]).nullable(),
    queued: z.int().nonnegative().max(1_000_000_000).meta({ description: "How many events it has queued so far." }),
    createdAt: Timestamp,
    finishedAt: Timestamp.nullable(),
  })
  .meta({
    id: "WebhookReplay",
    description: "Events that are delivered to a webhook again.",
    example: examples.webhookReplay,
  });
export type WebhookReplay = z.infer<typeof WebhookReplay>;

export const ListWebhookReplays = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: ReplayId.optional().meta({ description: "`nextCursor` of the previous page." }),
});
export type ListWebhookReplays = z.infer<typeof ListWebhookReplays>;

export const WebhookReplayList = z
  .object({
    replays: z.array(WebhookReplay).max(100).meta({ description: "Newest first." }),
    nextCursor: ReplayId.nullable().meta({ description: "Ask with it for the next page; null: there is none." }),
  })
  .meta({ id: "WebhookReplayList" });
export type WebhookReplayList = z.infer<typeof WebhookReplayList>;
