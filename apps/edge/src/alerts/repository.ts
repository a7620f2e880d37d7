import type { AlertChannel, AlertDelivery, IncidentKind, ListAlertDeliveries, OwnerEnding } from "@sandi/contracts";
import { utf8 } from "@sandi/crypto";
import type { AlertChannelTable, AlertDeliveryTable, Db } from "../db/schema.ts";
import { iso, isoOrNull } from "../time.ts";
import type { Services } from "../services.ts";
import { channelEnding } from "./orphans.ts";

/** Where a channel's messages go, and with what: all of it is secret. */
export type Target =
  | { kind: "telegram"; botToken: string; chatId: string }
  | { kind: "slack"; url: string }
  | { kind: "webhook"; url: string; secret: string; previousSecret?: string; previousUntil?: number };

export const selectChannels = (db: Db, workspaceId: string) =>
  db.kysely.selectFrom("alertChannel").selectAll().where("workspaceId", "=", workspaceId);

export const findChannels = (db: Db, workspaceId: string): Promise<AlertChannelTable[]> =>
  selectChannels(db, workspaceId).orderBy("id").execute();

export const findChannel = (db: Db, workspaceId: string, id: string): Promise<AlertChannelTable | undefined> =>
  selectChannels(db, workspaceId).where("id", "=", id).executeTakeFirst();

/** A channel, when its key expires, and why the channel has ended with it. */
export type OwnedChannel = AlertChannelTable & { ownerExpiresAt: number | null; endedBecause: OwnerEnding | null };

export const findOwnedChannel = (
  db: Db,
  workspaceId: string,
  { id, at }: { id: string; at: number },
): Promise<OwnedChannel | undefined> =>
  db.kysely
    .selectFrom("alertChannel")
    .leftJoin("apiKey as owner", "owner.id", "alertChannel.createdBy")
    .selectAll("alertChannel")
    .select("owner.expiresAt as ownerExpiresAt")
    .select(channelEnding(at).as("endedBecause"))
    .where("alertChannel.workspaceId", "=", workspaceId)
    .where("alertChannel.id", "=", id)
    .executeTakeFirst();

/** Newest first. */
export function findDeliveries(
  db: Db,
  workspaceId: string,
  { channelId, cursor, limit }: ListAlertDeliveries & { channelId: string },
): Promise<AlertDeliveryTable[]> {
  let query = selectDeliveries(db, workspaceId).where("channelId", "=", channelId);
  if (cursor !== undefined) query = query.where("id", "<", cursor);
  return query.orderBy("id", "desc").limit(limit).execute();
}

export const selectDeliveries = (db: Db, workspaceId: string) =>
  db.kysely
    .selectFrom("alertDelivery")
    .selectAll()
    .where("workspaceId", "=", workspaceId)
    .where("digestId", "is", null);

type Place = { workspaceId: string; id: string };
const contextOf = ({ id }: Place) => ({ table: "alert_channel", column: "target", id });

export const sealTarget = ({ atRest }: Services, place: Place, target: Target): Promise<string> =>
  atRest(place.workspaceId).seal(utf8(JSON.stringify(target)), contextOf(place));

export const openTarget = async ({ atRest }: Services, place: Place, sealed: string): Promise<Target> =>
  JSON.parse(new TextDecoder().decode(await atRest(place.workspaceId).open(sealed, contextOf(place)))) as Target;

/** What is shown of a target: whose it is, and nothing to use it with. */
export function labelOf(target: Target): string {
  if (target.kind !== "telegram") return `${new URL(target.url).origin}/…`;
  return `chat ${target.chatId.startsWith("@") ? target.chatId.slice(0, 3) : ""}•••${target.chatId.slice(-3)}`;
}

export const toChannel = (row: AlertChannelTable): AlertChannel => ({
  id: row.id,
  kind: row.kind,
  name: row.name,
  target: row.label,
  afterSeconds: row.afterSeconds,
  quiet: JSON.parse(row.quiet) as IncidentKind[],
  pausedAt: isoOrNull(row.pausedAt),
  pausedBecause: row.pausedBecause,
  failuresInRow: row.failuresInRow,
  createdBy: row.createdBy,
  createdAt: iso(row.createdAt),
  updatedAt: iso(row.updatedAt),
});

export const toDelivery = (row: AlertDeliveryTable): AlertDelivery => ({
  id: row.id,
  incidentId: row.incidentId,
  what: row.what,
  incidents: row.what === "test" ? 0 : row.incidentId === null ? row.times : 1,
  status: row.status === "folded" ? "delivered" : row.status,
  attempts: row.attempts,
  lastStatus: row.lastStatus,
  error: row.error,
  createdAt: iso(row.createdAt),
  deliveredAt: isoOrNull(row.deliveredAt),
});
