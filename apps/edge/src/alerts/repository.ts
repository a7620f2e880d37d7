import type { AlertChannel, AlertDelivery, IncidentKind, ListAlertDeliveries, OwnerEnding } from "@sandi/contracts";
import type { Db } from "../db/schema.ts";
import type { DeliveryTable, EndpointTable } from "../db/tables/deliveries.ts";
import { iso, isoOrNull } from "../time.ts";
import { endpointEnding } from "../outbound/orphans.ts";

/** What an alert channel keeps in `endpoint.settings`. */
interface Settings {
  /** How long a session or its proxy has to be away before it is reported. */
  afterSeconds: number;
  mutedKinds: IncidentKind[];
}

/** The settings of a channel's row. */
export const settingsOf = ({ settings }: Pick<EndpointTable, "settings">): Settings => JSON.parse(settings) as Settings;

/** Settings as a row has them. The same settings are the same text. */
export const storedSettings = ({ afterSeconds, mutedKinds }: Settings): string =>
  JSON.stringify({ afterSeconds, mutedKinds });

export const selectChannels = (db: Db, workspaceId: string) =>
  db.kysely.selectFrom("endpoint").selectAll().where("workspaceId", "=", workspaceId).where("topic", "=", "alert");

export const findChannels = (db: Db, workspaceId: string): Promise<EndpointTable[]> =>
  selectChannels(db, workspaceId).orderBy("id").execute();

export const findChannel = (db: Db, workspaceId: string, id: string): Promise<EndpointTable | undefined> =>
  selectChannels(db, workspaceId).where("id", "=", id).executeTakeFirst();

/** A channel, when its key expires, and why the channel has ended with it. */
export type OwnedChannel = EndpointTable & { ownerExpiresAt: number | null; endedBecause: OwnerEnding | null };

export const findOwnedChannel = (
  db: Db,
  workspaceId: string,
  { id, at }: { id: string; at: number },
): Promise<OwnedChannel | undefined> =>
  db.kysely
    .selectFrom("endpoint")
    .leftJoin("apiKey as owner", "owner.id", "endpoint.createdBy")
    .selectAll("endpoint")
    .select("owner.expiresAt as ownerExpiresAt")
    .select(endpointEnding(at).as("endedBecause"))
    .where("endpoint.workspaceId", "=", workspaceId)
    .where("endpoint.id", "=", id)
    .executeTakeFirst();

/** Newest first. */
export function findDeliveries(
  db: Db,
  workspaceId: string,
  { channelId, cursor, limit }: ListAlertDeliveries & { channelId: string },
): Promise<DeliveryTable[]> {
  let query = selectDeliveries(db, workspaceId).where("endpointId", "=", channelId);
  if (cursor !== undefined) query = query.where("id", "<", cursor);
  return query.orderBy("id", "desc").limit(limit).execute();
}

export const selectDeliveries = (db: Db, workspaceId: string) =>
  db.kysely.selectFrom("delivery").selectAll().where("workspaceId", "=", workspaceId).where("digestId", "is", null);

export const toChannel = (row: EndpointTable): AlertChannel => ({
  id: row.id,
  kind: row.kind,
  name: row.name,
  target: row.label,
  ...settingsOf(row),
  pausedAt: isoOrNull(row.pausedAt),
  pausedBecause: row.pausedBecause,
  failuresInRow: row.failuresInRow,
  createdBy: row.createdBy,
  createdAt: iso(row.createdAt),
  updatedAt: iso(row.updatedAt),
});

export const toDelivery = (row: DeliveryTable): AlertDelivery => ({
  id: row.id,
  incidentId: row.subjectId,
  notification: row.type as AlertDelivery["notification"],
  incidents: row.type === "test" ? 0 : row.subjectId === null ? row.times : 1,
  status: row.status === "in_digest" ? "delivered" : row.status,
  attempts: row.attempts,
  lastStatus: row.lastStatus,
  error: row.error,
  createdAt: iso(row.createdAt),
  deliveredAt: isoOrNull(row.deliveredAt),
});
