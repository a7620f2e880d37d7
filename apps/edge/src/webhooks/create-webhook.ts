import { AppError, type CreatedWebhook, type CreateWebhook } from "@sandi/contracts";
import { generateWebhookSecret } from "@sandi/crypto";
import { sql } from "kysely";
import { dropCachedKeys } from "../auth/cache.ts";
import type { Context } from "../context.ts";
import type { Accepted, IdempotencyKey } from "../http/idempotency/create.ts";
import { createEndpoint } from "../outbound/create-endpoint.ts";
import { storedSettings, toWebhook } from "./present.ts";
import { refuseUnknownSessions } from "./sessions-of.ts";

interface Input {
  input: CreateWebhook;
  idempotencyKey: IdempotencyKey | undefined;
}

/** So many webhooks may a workspace have, and so many its sandbox. */
const webhookLimit = 1_000;

/** Creates a webhook. It gets the events that are stored from now on. Its secret is answered once. */
export async function createWebhook(
  ctx: Context,
  { input, idempotencyKey }: Input,
  limit = webhookLimit,
): Promise<Accepted<CreatedWebhook>> {
  const { services, actor } = ctx;
  const { url, headers, events, sessionIds, chatKinds, description, isOrdered, isPaused } = input;
  await refuseUnknownSessions(ctx, sessionIds);
  const secret = generateWebhookSecret(services.random);
  return createEndpoint(ctx, {
    topic: "event",
    prefix: "whe",
    audited: "webhook",
    detail: { events, sessionIds, chatKinds, description, isOrdered, isPaused },
    ...(description === null ? {} : { name: description }),
    target: { kind: "webhook", url, secret, headers },
    settings: storedSettings({ events, sessionIds, chatKinds, description }),
    isOrdered,
    isPaused,
    limit,
    idempotencyKey,
    // The workspace's first webhook: deliveries are stored from the newest event on.
    also: [
      sql`INSERT INTO webhook_position (workspace_id, seq)
        VALUES (${actor.workspaceId}, coalesce((SELECT max(seq) FROM event), 0)) ON CONFLICT DO NOTHING`,
    ],
    refuse: () =>
      new AppError("webhook-limit-reached", {
        detail: `A workspace has at most ${limit} webhooks. Delete one that you do not need.`,
      }),
    present: async (row): Promise<CreatedWebhook> => {
      // From now on the workspace's writes deliver their events at once.
      dropCachedKeys(services, { workspaceId: actor.workspaceId });
      return { ...(await toWebhook(services, row)), secret };
    },
    presentAgain: async (row): Promise<CreatedWebhook> => ({ ...(await toWebhook(services, row)), secret: null }),
    gone: "webhook-not-found",
  });
}
