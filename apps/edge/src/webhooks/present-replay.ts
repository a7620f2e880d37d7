import type { CreateWebhookReplay, EventType, WebhookReplay } from "@sandi/contracts";
import type { ReplayTable } from "../db/tables/deliveries.ts";
import { iso, isoOrNull } from "../time.ts";

/** What a replay keeps in `settings`. */
export interface ReplaySettings extends Pick<CreateWebhookReplay, "createdAfter" | "createdBefore"> {
  types: EventType[] | null;
  status: "failed" | null;
  /** `times` of its deliveries: so an event has one delivery in each replay. */
  times: number;
}

export const replaySettings = ({ settings }: Pick<ReplayTable, "settings">): ReplaySettings =>
  JSON.parse(settings) as ReplaySettings;

export function toReplay(row: ReplayTable): WebhookReplay {
  const { createdAfter, createdBefore, types, status } = replaySettings(row);
  return {
    id: row.id,
    webhookId: row.endpointId,
    state: row.finishedAt === null ? "running" : "finished",
    createdAfter,
    createdBefore,
    types,
    status,
    queued: row.count,
    createdAt: iso(row.createdAt),
    finishedAt: isoOrNull(row.finishedAt),
  };
}
