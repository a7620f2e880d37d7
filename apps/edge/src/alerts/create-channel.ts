import { AppError, type CreateAlertChannel, type CreatedAlertChannel } from "@sandi/contracts";
import { generateWebhookSecret } from "@sandi/crypto";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import type { Accepted, IdempotencyKey } from "../http/idempotency/create.ts";
import { targetFault } from "../http/targets.ts";
import { newId } from "../services.ts";
import { providerOf, sealTarget, type Target } from "../outbound/target.ts";
import { selectChannels, storedSettings, toChannel } from "./repository.ts";
import { createAudited } from "../writes/create-audited.ts";

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
  const { services, actor } = ctx;
  const { db, random, allowLocalTargets } = services;
  const { workspaceId } = actor;
  const fault = input.kind === "telegram" ? undefined : targetFault(input.url, { allowLocal: allowLocalTargets });
  if (fault) throw new AppError("invalid-request", { errors: [{ pointer: "/url", message: fault }] });
  const at = services.now().getTime();
  const id = newId(services, "alc");
  const secret = input.kind === "webhook" ? generateWebhookSecret(random) : null;
  const target = targetOf(input, secret ?? "");
  const sealed = await sealTarget(services, { workspaceId, id }, target);
  const { kind, name, afterSeconds, mutedKinds } = input;
  const label = providerOf(target).labelOf(target);
  return createAudited(ctx, {
    kind: "alert_channel",
    detail: { kind, name, target: label, afterSeconds, mutedKinds },
    limit,
    count: sql<number>`(SELECT count(*) FROM endpoint WHERE workspace_id = ${workspaceId} AND topic = 'alert')`,
    table: "endpoint",
    id,
    at,
    idempotencyKey,
    find: (made) => selectChannels(db, workspaceId).where("id", "=", made),
    writes: (mayInsert) =>
      sql`INSERT INTO endpoint (id, workspace_id, topic, kind, name, target, label, settings, created_by, created_at, updated_at)
        SELECT ${id}, ${workspaceId}, 'alert', ${kind}, ${name}, ${sealed}, ${label},
          ${storedSettings({ afterSeconds, mutedKinds })}, ${actor.by.id}, ${at}, ${at}
        WHERE ${mayInsert}`,
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
