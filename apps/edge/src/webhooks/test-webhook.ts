import { AppError, type WebhookTest } from "@sandi/contracts";
import { tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import { testEndpoint } from "../outbound/test-endpoint.ts";
import { eventTopic } from "./event-topic.ts";
import { findWebhook } from "./repository.ts";

/** Sends a test to a webhook, also to one that is paused, and answers what the address said. It is not repeated. */
export async function testWebhook(ctx: Context, webhookId: string): Promise<WebhookTest> {
  await findWebhook(ctx.services.db, tenantOf(ctx.actor), webhookId);
  const tested = await testEndpoint(ctx, eventTopic, webhookId);
  if (!tested) throw new AppError("webhook-not-found");
  const { delivery, sent } = tested;
  const { id, status, lastStatus, error } = delivery;
  return {
    id,
    status: status === "delivered" ? "delivered" : "failed",
    lastStatus,
    error,
    durationMs: sent.durationMs,
    answer: sent.text === "" ? null : sent.text,
  };
}
