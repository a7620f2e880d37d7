import { type AlertTest, AppError } from "@sandi/contracts";
import type { Context } from "../context.ts";
import { testEndpoint } from "../outbound/test-endpoint.ts";
import { toDelivery } from "./repository.ts";
import { alertTopic } from "./topic.ts";

/** Sends a test to a channel, also to one that is paused, and answers what the target said. It is not repeated. */
export async function testChannel(ctx: Context, channelId: string): Promise<AlertTest> {
  const tested = await testEndpoint(ctx, alertTopic, channelId);
  if (!tested) throw new AppError("alert-channel-not-found");
  return { ...toDelivery(tested.delivery), answer: tested.sent.refusal };
}
