import type { OpenAPIHono } from "@hono/zod-openapi";
import { eventRegistry } from "@sandi/contracts";
import { z } from "zod";
import type { AppEnv } from "../http/app-env.ts";

const headers = z.object({
  "webhook-id": z.string().max(30).meta({
    description: "The event's `id`. A repetition has the same one.",
    example: "evt_01jd3k9v7hq2w8x5n4b6m0c1ta",
  }),
  "webhook-timestamp": z
    .string()
    .max(12)
    .meta({ description: "When this attempt was sent, in seconds since 1970.", example: "1795335319" }),
  "webhook-signature": z.string().max(256).meta({
    description:
      "`v1,` and the signature of Standard Webhooks, for each secret of the webhook: two while a secret is rotated.",
    example: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  }),
  "webhook-replay": z
    .literal("true")
    .optional()
    .meta({ description: "Present if somebody asked for this delivery again. It is outside the order." }),
});

/** Describes the calls to webhooks: one for each type of event. */
export function describeWebhooks(api: OpenAPIHono<AppEnv>): void {
  for (const { type, when, follows, schema, example } of eventRegistry.values()) {
    api.openAPIRegistry.registerWebhook({
      method: "post",
      path: type,
      operationId: `on${nameOf(schema)}`,
      tags: ["Webhooks"],
      security: [],
      summary: type,
      description: `${when} ${follows}`,
      request: { headers, body: { required: true, content: { "application/json": { schema, example } } } },
      responses: {
        "2XX": { description: "Your server has the event. Answer within 15 seconds, and work on it afterwards." },
        "410": { description: "The address is gone: the webhook is paused and holds its events." },
        default: { description: "The delivery has failed and is tried again." },
      },
    });
  }
}

const nameOf = (schema: z.ZodType) => schema.meta()?.id ?? "";
