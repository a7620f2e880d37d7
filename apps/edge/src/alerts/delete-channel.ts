import type { Context } from "../context.ts";
import { deleteRow } from "../writes/delete-row.ts";

/** Deletes a channel with its secrets, incidents and deliveries. Alerts that wait for it are not sent. */
export const deleteChannel = (ctx: Context, id: string): Promise<void> =>
  deleteRow(ctx, { table: "endpoint", id, action: "alert_channel.deleted", missing: "alert-channel-not-found" });
