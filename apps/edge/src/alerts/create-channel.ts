import { AppError, type CreateAlertChannel, type CreatedAlertChannel } from "@sandi/contracts";
import { generateWebhookSecret } from "@sandi/crypto";
import type { Context } from "../context.ts";
import type { Accepted, IdempotencyKey } from "../http/idempotency/create.ts";
import { createEndpoint } from "../outbound/create-endpoint.ts";
import type { Target } from "../outbound/target.ts";
import { storedSettings, toChannel } from "./repository.ts";

interface Input {
  input: CreateAlertChannel;
  idempotencyKey: IdempotencyKey | undefined;
}

/** So many channels may a workspace have. */
const channelLimit = 20;

/** Creates an alert channel. The secret of a plain webhook is generated here and answered once. */
export async function createChannel(
  ctx: Context,
  { input, idempotencyKey }: Input,
  limit = channelLimit,
): Promise<Accepted<CreatedAlertChannel>> {
  const secret = input.kind === "webhook" ? generateWebhookSecret(ctx.services.random) : null;
  const { kind, name, afterSeconds, mutedKinds } = input;
  return createEndpoint(ctx, {
    topic: "alert",
    prefix: "alc",
    audited: "alert_channel",
    detail: { kind, name, afterSeconds, mutedKinds },
    name,
    target: targetOf(input, secret ?? ""),
    settings: storedSettings({ afterSeconds, mutedKinds }),
    limit,
    idempotencyKey,
    refuse: () =>
      new AppError("alert-channel-limit-reached", {
        detail: `A workspace has at most ${limit} alert channels; delete one that is not needed.`,
      }),
    present: (row): CreatedAlertChannel => ({ ...toChannel(row), secret }),
    presentAgain: (row): CreatedAlertChannel => ({ ...toChannel(row), secret: null }),
    gone: "alert-channel-not-found",
  });
}

function targetOf(input: CreateAlertChannel, secret: string): Target {
  if (input.kind === "telegram") return { kind: "telegram", botToken: input.botToken, chatId: input.chatId };
  return input.kind === "slack" ? { kind: "slack", url: input.url } : { kind: "webhook", url: input.url, secret };
}
