import type { CreateWebhook, Webhook } from "@sandi/contracts";
import type { EndpointTable } from "../db/tables/deliveries.ts";
import { openTarget, type Target } from "../outbound/target.ts";
import type { Services } from "../services.ts";
import { iso, isoOrNull } from "../time.ts";

/** What a webhook keeps in `endpoint.settings`. */
export type WebhookSettings = Pick<CreateWebhook, "events" | "sessionIds" | "chatKinds" | "description">;

export const settingsOf = ({ settings }: Pick<EndpointTable, "settings">): WebhookSettings =>
  JSON.parse(settings) as WebhookSettings;

/** Settings as a row has them. The same settings are the same text. */
export const storedSettings = ({ events, sessionIds, chatKinds, description }: WebhookSettings): string =>
  JSON.stringify({ events, sessionIds, chatKinds, description });

/** The address, headers and secrets of a webhook. */
export type WebhookTarget = Extract<Target, { kind: "webhook" }>;

/** The webhook as the API shows it: with its address, without its secrets. */
export async function toWebhook(services: Services, row: EndpointTable): Promise<Webhook> {
  const { url, headers = {}, previousUntil } = (await openTarget(services, row, row.target)) as WebhookTarget;
  return {
    id: row.id,
    url,
    ...settingsOf(row),
    headers: Object.fromEntries(Object.keys(headers).map((name) => [name, "•••" as const])),
    isOrdered: row.isOrdered === 1,
    isTest: row.test === 1,
    pausedAt: isoOrNull(row.pausedAt),
    pausedBecause: row.pausedBecause,
    failingSince: isoOrNull(row.failingSince),
    failuresInRow: row.failuresInRow,
    previousSecretUntil: isoOrNull(overlapEnd(previousUntil, services.now().getTime())),
    createdBy: row.createdBy,
    createdAt: iso(row.createdAt),
    updatedAt: iso(row.updatedAt),
  };
}

/** When the former secret ends; null: it has ended, or there is none. */
export const overlapEnd = (previousUntil: number | undefined, at: number): number | null =>
  previousUntil !== undefined && previousUntil > at ? previousUntil : null;
