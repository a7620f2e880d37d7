import type { RotatedWebhookSecret, RotateWebhookSecret } from "@sandi/contracts";
import { generateWebhookSecret } from "@sandi/crypto";
import type { Context } from "../context.ts";
import { changeEndpoint } from "../outbound/change-endpoint.ts";
import { rotateSecret } from "../outbound/secrets.ts";
import { openTarget } from "../outbound/target.ts";
import { isoOrNull } from "../time.ts";
import { webhookChange } from "./change-webhook.ts";
import { overlapEnd, type WebhookTarget } from "./present.ts";

interface Input {
  id: string;
  rotation: RotateWebhookSecret;
}

/** Replaces a webhook's secret. During the overlap requests are signed with both. */
export async function rotateWebhookSecret(
  ctx: Context,
  { id, rotation: { overlapSeconds, secret = generateWebhookSecret(ctx.services.random) } }: Input,
): Promise<RotatedWebhookSecret> {
  const { services } = ctx;
  const row = await changeEndpoint(ctx, {
    ...webhookChange(id),
    retarget: (_row, present, at) =>
      rotateSecret(present as WebhookTarget, secret, { at, overlapMs: overlapSeconds * 1_000 }),
  });
  const target = (await openTarget(services, row, row.target)) as WebhookTarget;
  const until = overlapEnd(target.previousUntil, services.now().getTime());
  return { id, secret: target.secret, previousSecretUntil: isoOrNull(until) };
}
