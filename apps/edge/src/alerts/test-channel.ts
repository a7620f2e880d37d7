import { type AlertDelivery, AppError } from "@sandi/contracts";
import { sql } from "kysely";
import type { AlertDeliveryTable } from "../db/schema.ts";
import type { Services } from "../services.ts";
import { newDeliveryId, publishAlerts } from "./publish.ts";
import { toDelivery } from "./repository.ts";
import { firstPublishMs } from "../messages/publish.ts";

/** Sends a test to a channel, as an alert would go; also to one that is paused. */
export async function testChannel(services: Services, workspaceId: string, channelId: string): Promise<AlertDelivery> {
  const { db, now } = services;
  const at = now().getTime();
  const [{ rows }] = await db.write([
    sql<AlertDeliveryTable>`INSERT INTO alert_delivery (id, workspace_id, channel_id, what, times, content, publish_after, created_at)
      SELECT ${newDeliveryId(at)}, ${workspaceId}, id, 'test', 1, '{}', ${at + firstPublishMs}, ${at}
      FROM alert_channel WHERE id = ${channelId} AND workspace_id = ${workspaceId} RETURNING *`.compile(db.kysely),
  ]);
  const [row] = rows;
  if (!row) throw new AppError("alert-channel-not-found");
  publishAlerts(services, rows);
  return toDelivery(row);
}
