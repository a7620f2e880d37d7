import type { ChangeWebhook, Webhook } from "@sandi/contracts";
import { reportResumed } from "../alerts/channel-incidents.ts";
import type { Context } from "../context.ts";
import { changeEndpoint } from "../outbound/change-endpoint.ts";
import { refuseAddress } from "../outbound/create-endpoint.ts";
import { publishWaiting, releaseWaiting } from "../outbound/queue-again.ts";
import { settingsOf, storedSettings, toWebhook, type WebhookTarget } from "./present.ts";
import { readingScopesOf } from "./readable-webhook.ts";
import { refuseUnknownSessions } from "./sessions-of.ts";

interface Input {
  id: string;
  change: ChangeWebhook;
}

/** Changes a webhook's address, headers and filters, or pauses or resumes it. */
export async function changeWebhook(ctx: Context, { id, change }: Input): Promise<Webhook> {
  const { services } = ctx;
  const { url, headers, isPaused, isOrdered } = change;
  if (url !== undefined) refuseAddress(services, url);
  await refuseUnknownSessions(ctx, change.sessionIds);
  const row = await changeEndpoint(ctx, {
    ...webhookChange(id),
    isPaused,
    onResume: (webhook, at) => [
      reportResumed(services.db, { endpointId: webhook.id, at }),
      ...releaseWaiting(services.db, { endpointId: webhook.id, at }),
    ],
    change(before) {
      const present = settingsOf(before);
      const { events = present.events, sessionIds = present.sessionIds, chatKinds = present.chatKinds } = change;
      const { description = present.description } = change;
      return {
        name: description ?? (present.description === null ? before.name : before.label),
        settings: storedSettings({ events, sessionIds, chatKinds, description }),
        isOrdered: isOrdered === undefined ? before.isOrdered : isOrdered ? 1 : 0,
      };
    },
    retarget:
      url === undefined && headers === undefined
        ? undefined
        : (_row, present) => {
            const target = present as WebhookTarget;
            return { ...target, url: url ?? target.url, headers: headers ?? target.headers ?? {} };
          },
  });
  if (isPaused === false) services.waitUntil(publishWaiting(services, id));
  return toWebhook(services, row);
}

/** What all changes of a webhook share. */
export const webhookChange = (id: string) =>
  ({
    topic: "event",
    id,
    name: "webhook",
    missing: "webhook-not-found",
    action: "webhook.updated",
    // Who could send it elsewhere would see what it sees.
    scopesOf: readingScopesOf,
    shown: (row) => ({ ...settingsOf(row), isOrdered: row.isOrdered === 1 }),
  }) as const satisfies Parameters<typeof changeEndpoint>[1];
