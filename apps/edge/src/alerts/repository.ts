import type { AlertChannel, AlertDelivery, IncidentKind, ListAlertDeliveries } from "@sandi/contracts";
import type { Db } from "../db/schema.ts";
import type { DeliveryTable, EndpointTable } from "../db/tables/deliveries.ts";
import { selectEndpoints } from "../outbound/owned-endpoint.ts";
import { iso, isoOrNull } from "../time.ts";

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

const selectChannels = (db: Db, workspaceId: string) => selectEndpoints(db, { workspaceId, test: 0 }, "alert");

export const findChannels = (db: Db, workspaceId: string): Promise<EndpointTable[]> =>
  selectChannels(db, workspaceId).orderBy("endpoint.id").execute();

export const findChannel = (db: Db, workspaceId: string, id: string): Promise<EndpointTable | undefined> =>
  selectChannels(db, workspaceId).where("endpoint.id", "=", id).executeTakeFirst();

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
